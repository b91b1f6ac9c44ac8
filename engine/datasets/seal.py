"""The seal: a dataset kept out of everybody's sight until validation opens it."""

from __future__ import annotations

from engine.datasets.errors import SealedError


def require_open(name: str, *, sealed: bool, opened: bool = False, purpose: str) -> None:
    """Refuse to use a sealed dataset that validation has not opened.

    Args:
        name: The dataset's name, for the message.
        sealed: Whether it was sealed at import (the manifest's ``sealed``).
        opened: Whether validation has opened it since (the catalogue knows).
        purpose: What it is wanted for, as a verb: ``"preview"``, ``"generate"``, ``"judge"``.

    Raises:
        SealedError: It is sealed and closed.
    """
    if sealed and not opened:
        raise SealedError(
            "dataset.sealed",
            "The dataset '{name}' is sealed, so {purpose} may not use it yet.",
            fix="A study's validation opens it; until then choose another dataset.",
            name=name,
            purpose=purpose,
        )
