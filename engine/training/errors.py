"""The failures of this package."""

from engine.errors import BakeoffError


class TrainingError(BakeoffError):
    """A fine-tune cannot be done as asked."""

    title = "The training cannot be done"
