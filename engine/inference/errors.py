"""The failures of local answers."""

from engine.errors import BakeoffError


class AnsweringError(BakeoffError):
    """A model cannot answer as asked."""

    title = "The model cannot answer"
