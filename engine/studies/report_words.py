"""How figures are put into words, alike in the HTML report and on the terminal."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.ranking import elo
from engine.ranking.result import ELO_PER_UNIT

#: Where there is nothing to say.
NONE: Final = "–"
KIND_WORDS: Final = {"base": "base", "merge": "merge", "reference": "reference"}
INTERVAL_WORDS: Final = {
    "cluster": "clustered by prompt",
    "iid": "verdicts taken as independent",
    "bootstrap": "bootstrapped over prompts",
}
#: Marks that turn the direction of the text around them and could forge a name.
_DIRECTION: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def clean(text: str) -> str:
    """The text without what neither XML nor a terminal should be given: controls, half characters."""
    return "".join(character if _harmless(character) else "\ufffd" for character in text)


def _harmless(character: str) -> bool:
    if character in "\n\t":
        return True
    if character in _DIRECTION or character in "\ufffe\uffff":
        return False
    return unicodedata.category(character) not in ("Cc", "Cs")


def one_line(text: str) -> str:
    """The cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())


def columns(text: str) -> int:
    """Columns that the text takes in a terminal; in a chart, a measure of its width."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def shorten(text: str, most: int) -> str:
    """The text in at most so many columns, an ellipsis where something was left out."""
    if columns(text) <= most:
        return text
    kept = ""
    for character in text:
        if columns(kept + character) > most - 1:
            break
        kept += character
    return kept.rstrip() + "…"


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def signed(value: float | None, decimals: int = 2) -> str:
    """A number with its sign; the minus is a real one."""
    if value is None:
        return NONE
    text = f"{value:+.{decimals}f}"
    return "0" + text[2:] if float(text) == 0 else text.replace("-", "−")


def elo_text(rating: float | None) -> str:
    """A rating in whole Elo points."""
    points = elo(rating)
    return NONE if points is None else plain_number(points)


def plain_number(value: float) -> str:
    """A whole number with a real minus and no thousands separator."""
    return f"{round(value):d}".replace("-", "−")


def points(difference: float | None) -> str:
    """A difference of ratings in whole Elo points, with its sign."""
    return NONE if difference is None else signed(difference * ELO_PER_UNIT, 0)


def span(low: str | None, high: str | None) -> str:
    """An interval in words; None is an end that the data do not bound."""
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"above {low}"
    return "not bounded" if high is None else f"below {high}"


def elo_span(low: float | None, high: float | None) -> str:
    """The interval of a rating, in Elo points."""
    return span(*(None if end is None else elo_text(end) for end in (low, high)))


def rating_span(low: float | None, high: float | None) -> str:
    """The interval of a rating, in natural-log units."""
    return span(*(None if end is None else signed(end) for end in (low, high)))


def ranks(row: Mapping[str, Any]) -> str:
    """The ranks that the data allow."""
    low, high = row["rank_lo"], row["rank_hi"]
    return str(low) if low == high else f"{low} to {high}"


def no_estimate(row: Mapping[str, Any], *, everywhere: bool = True) -> str:
    """Why a row of a ranking has no rating.

    Args:
        row: A row of the document of ``bakeoff rank``.
        everywhere: Whether it takes part in all tasks.
    """
    if not everywhere:
        return "no rating (not in every task)"
    if not row["ties"] and not row["losses"] and row["wins"]:
        return "no finite estimate (undefeated)"
    if not row["ties"] and not row["wins"] and row["losses"]:
        return "no finite estimate (winless)"
    if number(row["lo"]) is not None:
        return "no finite estimate (no upper bound)"
    if number(row["hi"]) is not None:
        return "no finite estimate (no lower bound)"
    return "no finite estimate (not connected)"


def percent(share: float | None) -> str:
    """A share from 0 to 1."""
    return NONE if share is None else f"{100 * share:.1f}%"


def level_text(level: float) -> str:
    """A confidence level."""
    return f"{100 * level:g}%"


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes:02d} min"


def per_thousand(seconds: float | None) -> str:
    """Seconds per 1,000 answers."""
    if seconds is None:
        return NONE
    return f"{seconds:,.1f}" if seconds < 100 else f"{seconds:,.0f}"


def usd(amount: float | None) -> str:
    """An amount of money; small ones keep two figures."""
    if amount is None:
        return NONE
    if 0 < amount < 0.01:
        return f"${amount:.2g}" if amount >= 0.0001 else "under $0.0001"
    return f"${amount:,.2f}"


def count(amount: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def listing(names: Sequence[str]) -> str:
    """Names as a list in a sentence, quoted where they would not be told from the list itself."""
    if len(names) > 1 and any(" and " in name or ", " in name for name in names):
        names = [f"“{name}”" for name in names]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def group_sentences(groups: Sequence[Sequence[str]], ranked: int, level: float) -> list[str]:
    """Who cannot be told apart, in words.

    Args:
        groups: Runs of neighbours that nothing tells apart.
        ranked: How many are in the table.
        level: Confidence level.
    """
    if ranked < 2:
        return []
    if not groups:
        return [f"Every two neighbours in the table are told apart at {level_text(level)}."]
    if any(len(group) == ranked for group in groups):
        names = "the two" if ranked == 2 else f"all {ranked}"
        return [f"Nothing is separable: {names} in the table cannot be told apart at {level_text(level)}."]
    said = [f"{listing(group)} cannot be told apart at {level_text(level)}." for group in groups]
    members = [name for group in groups for name in group]
    if len(set(members)) < len(members):
        said.append(
            "These groups overlap: who is in two of them cannot be told from either, though their ends can."
        )
    return said


def by_reference(judge: str) -> bool:
    """Whether answers are judged by the dataset's own."""
    return judge.split(":")[0] == "reference"


def judge_words(judge: str) -> str:
    """A judge's name, the reference judge explained."""
    return f"{judge} (the dataset’s answers, the task’s metric)" if by_reference(judge) else judge
