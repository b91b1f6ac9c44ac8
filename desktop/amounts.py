"""Amounts of money: as they are shown, and as they are typed. Knows no Qt."""

from __future__ import annotations

import math

from desktop.language import numeral, tr, typed_number
from engine.errors import BakeoffError


def usd(amount: float) -> str:
    """An amount of money."""
    return dollars(amount, ",.2f" if amount >= 0.995 or not amount else ".4f")


def dollars(amount: float, form: str = ",.2f") -> str:
    """An amount of money in one form, whatever its size."""
    return tr("${amount}", amount=numeral(amount, form))


def amount(text: str, what: str) -> float | None:
    """A number of USD as it was typed; None for nothing.

    Args:
        text: What was typed.
        what: Name of the field.

    Raises:
        BakeoffError: It is no such number.
    """
    words = text.strip().strip("$").strip()
    if not words:
        return None
    try:
        value = typed_number(words)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise BakeoffError(
            "usage.amount",
            "'{typed}' is no number from 0 up.",
            fix="Write it as in 2.50, or leave the field '{what}' empty.",
            typed=text,
            what=what,
        )
    return value
