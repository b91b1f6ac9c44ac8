"""What goes wrong when judging."""

from __future__ import annotations

from engine.errors import BakeoffError


class JudgingError(BakeoffError):
    """Something cannot be judged as asked."""

    title = "The answers cannot be judged"
