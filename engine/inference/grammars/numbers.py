"""Numbers within bounds, digit by digit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from engine.inference.grammars.writing import literal

#: Digits of a number that nothing bounds, before and after the point: all of them survive in a double.
_DIGITS: Final = 16
#: Bounds are at most this: more digits than a 64-bit number has are no bound that anybody means.
LARGEST: Final = 10**18

_FRACTION: Final = f'("." [0-9]{{1,{_DIGITS}}})?'
_NO_FRACTION: Final = f'("." "0"{{1,{_DIGITS}}})?'
_EXPONENT: Final = "([eE] [-+]? [0-9]{1,2})?"


def integers(least: int | None, most: int | None) -> str:
    """The whole numbers from ``least`` to ``most``; None: without a bound."""
    if least is None and most is None:
        return f'"-"? {_either(_whole(0, None))}'
    return _either(_signed(least, most, lambda low, high: list(_whole(low, high))))


def numbers(least: int | None, most: int | None) -> str:
    """The numbers from ``least`` to ``most``; None: without a bound."""
    if least is None and most is None:
        return f'"-"? {_either(_whole(0, None))} {_FRACTION} {_EXPONENT}'
    return _either(_signed(least, most, lambda low, high: list(_real(low, high))))


def _signed(
    least: int | None, most: int | None, unsigned: Callable[[int, int | None], list[str]]
) -> list[str]:
    found = []
    if most is None or most >= 0:
        found += unsigned(max(least or 0, 0), most)
    if least is None or least < 0:
        # Without a bound below zero, the numbers from zero on need no second zero with a sign.
        nearest = max(-most, 0) if most is not None else 0
        farthest = None if least is None else -least
        found += [f'"-" {_either(unsigned(nearest, farthest))}']
    return found


def _real(low: int, high: int | None) -> Iterator[str]:
    """Numbers from ``low`` to ``high``, both not below zero."""
    if high is None:
        exponent = f" {_EXPONENT}" if low == 0 else ""
        yield f"{_either(_whole(low, None))} {_FRACTION}{exponent}"
        return
    if high > low:
        yield f"{_either(_whole(low, high - 1))} {_FRACTION}"
    yield f"{literal(str(high))} {_NO_FRACTION}"


def _whole(low: int, high: int | None) -> Iterator[str]:
    """Whole numbers from ``low`` to ``high``, both not below zero, one expression for each count of digits."""
    longest = max(len(str(low)), 1) if high is None else len(str(high))
    for digits in range(len(str(low)), longest + 1):
        first = max(low, 10 ** (digits - 1) if digits > 1 else 0)
        last = 10**digits - 1 if high is None else min(high, 10**digits - 1)
        yield _same_length(str(first), str(last))
    if high is None and longest < _DIGITS:
        yield f"[1-9] [0-9]{{{longest},{_DIGITS - 1}}}"


def _same_length(low: str, high: str) -> str:
    """The texts of digits from ``low`` to ``high``, which are equally long."""
    common = next(
        (place for place, (one, other) in enumerate(zip(low, high, strict=True)) if one != other), len(low)
    )
    if common:
        rest = _same_length(low[common:], high[common:]) if common < len(low) else ""
        return f"{literal(low[:common])} {rest}".strip()
    zeros, nines = "0" * (len(low) - 1), "9" * (len(low) - 1)
    first, last = int(low[0]), int(high[0])
    found = []
    if low[1:] != zeros:
        found.append(f"{literal(low[0])} {_same_length(low[1:], nines)}")
        first += 1
    if high[1:] != nines:
        found.append(f"{literal(high[0])} {_same_length(zeros, high[1:])}")
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}]" + (f" [0-9]{{{len(zeros)}}}" if zeros else ""))
    return _either(found)


def _either(expressions: Iterable[str]) -> str:
    found = list(expressions)
    return found[0] if len(found) == 1 and "|" not in found[0] else f"({' | '.join(found)})"
