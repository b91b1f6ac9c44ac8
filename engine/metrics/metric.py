"""What every task metric offers."""

from __future__ import annotations

from typing import Protocol


class Metric(Protocol):
    """Compares an answer with the expected one.

    Attributes:
        name: Stable name, for specs and the catalogue.
        title: Name for people.
        margin: Two scores at most this far apart count as equally good.
    """

    @property
    def name(self) -> str:
        """Stable name."""
        ...

    @property
    def title(self) -> str:
        """Name for people."""
        ...

    @property
    def margin(self) -> float:
        """Largest difference of two scores that counts as none."""
        ...

    def score(self, expected: str, answer: str) -> float:
        """How close ``answer`` is to ``expected``: 0 (nothing right) to 1 (all right)."""
        ...
