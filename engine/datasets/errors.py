"""How datasets fail: a whole file (an error), one row of it (a fault), or a seal that is closed."""

from __future__ import annotations

from typing import Any

from engine.errors import BakeoffError, Words


class DatasetError(BakeoffError):
    """A file cannot be imported, or a dataset cannot be written: nothing is left behind."""

    title = "This file cannot be imported"


class StoreError(BakeoffError):
    """A stored dataset cannot be read or exported."""

    title = "This dataset cannot be used"


class SealedError(BakeoffError):
    """A sealed dataset was asked for before validation opened it."""

    title = "This dataset is sealed"


class RowFaultError(Exception):
    """One row cannot become an example; it is rejected and listed, and the import goes on.

    Args:
        code: Stable dotted name of the fault, for example ``"row.answer_empty"``.
        text: The reason, a ``str.format`` template over ``params``.
        **params: The values of the template.
    """

    def __init__(self, code: str, text: str, **params: Any) -> None:
        self.code = code
        self.params = params
        self.words = Words(text, **params)
        self.reason = str(self.words)
        super().__init__(self.reason)
