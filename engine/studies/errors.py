"""The failures of this package."""

from engine.errors import BakeoffError


class StudyError(BakeoffError):
    """A study's file is wrong, or the study cannot go on."""

    title = "The study cannot be done"
