"""When everything happened: moments of one day, in UTC."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Final

#: The present moment of whoever looks at the workspace, in seconds since the epoch.
NOW: Final = float(calendar.timegm((2026, 5, 20, 16, 42, 0)))


def before(minutes: float) -> float:
    """A moment before `NOW`, in seconds since the epoch."""
    return NOW - 60.0 * minutes


def row_time(minutes: float) -> datetime:
    """The same as the catalogue keeps it: in UTC, without saying so."""
    return datetime.fromtimestamp(before(minutes), UTC).replace(tzinfo=None)
