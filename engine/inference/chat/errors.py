"""The failures of conversations."""

from engine.errors import BakeoffError


class ChatError(BakeoffError):
    """A conversation cannot go on as asked."""

    title = "The conversation cannot go on"
