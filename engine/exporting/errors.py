"""What can be wrong when a model is exported."""

from __future__ import annotations

from engine.errors import BakeoffError


class ExportError(BakeoffError):
    """A model that cannot be exported, or not like this."""

    title = "The model cannot be exported"
