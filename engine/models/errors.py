"""The failures of this package."""

from engine.errors import BakeoffError


class ModelError(BakeoffError):
    """A model cannot be read, added or used."""

    title = "The model cannot be used"


class TemplateError(BakeoffError):
    """A chat template cannot render a conversation."""

    title = "The conversation does not fit the chat template"
