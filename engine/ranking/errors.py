"""The failures of a ranking."""

from __future__ import annotations

from engine.errors import BakeoffError


class RankingError(BakeoffError):
    """Verdicts cannot be ranked as asked."""

    title = "The verdicts cannot be ranked"


class VerdictFileError(RankingError):
    """A file of verdicts cannot be read."""

    title = "The file of verdicts cannot be used"
