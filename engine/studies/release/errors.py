"""The failures of a release."""

from engine.errors import BakeoffError


class ReleaseError(BakeoffError):
    """A model that cannot be released, or a bundle that cannot be passed on."""

    title = "The model cannot be released"
