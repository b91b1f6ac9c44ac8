"""Verdicts as columns: a million of them are a handful of integer arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.ranking.errors import RankingError

Winner: TypeAlias = Literal["a", "b", "tie"]
Codes: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

#: Codes of the column ``outcome``: ``a`` won, the two are equal, ``b`` won, nobody could say.
A_WON: Final = 1
TIE: Final = 0
B_WON: Final = -1
UNSCORED: Final = 2

#: How a winner may be written (letter case and spaces around it do not matter).
OUTCOMES: Final[Mapping[str, int]] = {"a": A_WON, "tie": TIE, "b": B_WON, "": UNSCORED}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judged pair: which of two contestants answered one prompt better.

    Attributes:
        a: The contestant whose answer was shown first.
        b: The contestant whose answer was shown second.
        winner: ``"a"``, ``"b"`` or ``"tie"`` in any letter case; None where the judging failed
            (counted, never scored: a missing verdict is never a loss).
        prompt_id: The prompt both answered; verdicts on one prompt are not independent.
        task: The task of the prompt. The same prompt_id in two tasks means two prompts.
        weight: How many verdicts this one counts for in the likelihood; 0 leaves it out.
        entrant_a: What ``a`` stands for in the average over tasks (None: itself).
        entrant_b: What ``b`` stands for in the average over tasks (None: itself).
        judge: Who judged. Only verdicts of the same judge are the two orders of one comparison.
    """

    a: str
    b: str
    winner: str | None
    prompt_id: str | None = None
    task: str | None = None
    weight: float = 1.0
    entrant_a: str | None = None
    entrant_b: str | None = None
    judge: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """Verdicts as columns of the same length n; every code points into a tuple of names.

    Attributes:
        contestants: Names; ``a`` and ``b`` (n integers) point here.
        outcome: n of `A_WON`, `TIE`, `B_WON`, `UNSCORED`.
        weight: n numbers of at least 0.
        prompt: n codes of prompts, -1 where a verdict names none; None without that column.
        tasks: Names; ``task`` points here. Without that column ``task`` is None.
        entrants: Names; ``entrant_a`` and ``entrant_b`` point here (None: contestants themselves).
        judge: n codes of judges, or None.
        file: Where the verdicts come from, for messages.
        lines: Line of each verdict in that file, where known.
        notes: What the reader of a ranking has to know about the reading.
    """

    contestants: tuple[str, ...]
    a: Codes
    b: Codes
    outcome: NDArray[np.int8]
    weight: Floats
    prompt: Codes | None = None
    tasks: tuple[str, ...] = ()
    task: Codes | None = None
    entrants: tuple[str, ...] = ()
    entrant_a: Codes | None = None
    entrant_b: Codes | None = None
    judge: Codes | None = None
    file: str | None = None
    lines: Sequence[int] | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        """How many verdicts there are, scored or not."""
        return len(self.a)

    @classmethod
    def from_rows(cls, rows: Iterable[Verdict], *, file: str | None = None) -> VerdictTable:
        """Make a table of single verdicts.

        Args:
            rows: The verdicts.
            file: Their origin, for messages.

        Raises:
            RankingError: A verdict cannot be used (the error's ``row`` counts from 1).
        """
        verdicts = list(rows)
        return table_from_columns(
            {
                "a": [v.a for v in verdicts],
                "b": [v.b for v in verdicts],
                "winner": ["" if v.winner is None else v.winner for v in verdicts],
                "weight": [v.weight for v in verdicts],
                **_optional("prompt_id", [v.prompt_id for v in verdicts]),
                **_optional("task", [v.task for v in verdicts]),
                **_optional("judge", [v.judge for v in verdicts]),
                **_optional("entrant_a", [v.entrant_a for v in verdicts]),
                **_optional("entrant_b", [v.entrant_b for v in verdicts]),
            },
            file=file,
        )


def _optional(name: str, values: list[str | None]) -> dict[str, list[str]]:
    """The column with its gaps as empty text, or nothing where no verdict has it."""
    if all(value is None for value in values):
        return {}
    return {name: ["" if value is None else value for value in values]}


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of text as codes (n integers) into the texts that occur."""

    codes: Codes
    texts: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> Coded:
        """Code texts in the order in which they first occur; spaces around them do not matter."""
        cells = list(values)
        places: dict[str, int] = {}
        known = {text: places.setdefault(text.strip(), len(places)) for text in dict.fromkeys(cells)}
        return cls(np.fromiter(map(known.__getitem__, cells), np.int64, len(cells)), tuple(places))


def table_from_columns(
    columns: Mapping[str, Sequence[str] | Sequence[float]],
    *,
    file: str | None = None,
    lines: Sequence[int] | None = None,
    notes: tuple[str, ...] = (),
) -> VerdictTable:
    """Make a table of plain columns (``weight`` holds numbers, all others text; "" is a gap)."""
    coded = {name: Coded.of(map(str, values)) for name, values in columns.items() if name != "weight"}
    weight = columns.get("weight")
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    return table_from_codes(coded, weights, file=file, lines=lines, notes=notes)


def table_from_codes(
    coded: Mapping[str, Coded],
    weight: Floats | None,
    *,
    file: str | None = None,
    lines: Sequence[int] | None = None,
    notes: tuple[str, ...] = (),
) -> VerdictTable:
    """Make a table of coded columns, and refuse what no ranking could make sense of.

    Raises:
        RankingError: A name is empty, a winner unknown, a weight no number of at least 0, a
            contestant was compared with itself, or has two entrants on one task.
    """
    where = _Where(file, lines)
    winners = coded["winner"]
    outcome = _outcomes(winners, where)
    contestants, (a, b) = _merge([coded["a"], coded["b"]])
    for column, codes in (("a", a), ("b", b)):
        where.refuse(
            _is_empty(codes, contestants),
            "ranking.no_contestant",
            f"{{place}} names no contestant in column {column}.",
        )
    where.refuse(a == b, "ranking.same_contestant", "{place} compares a contestant with itself.")
    weights = np.ones(len(a)) if weight is None else weight
    where.refuse(
        ~(np.isfinite(weights) & (weights >= 0)),
        "ranking.bad_weight",
        "{place} has a weight that is not a number of at least 0.",
    )
    task = coded.get("task")
    if task is not None:
        where.refuse(
            _is_empty(task.codes, task.texts),
            "ranking.no_task",
            "{place} names no task although others do.",
        )
    table = VerdictTable(
        contestants=contestants,
        a=a,
        b=b,
        outcome=outcome,
        weight=weights,
        prompt=_with_gaps(coded.get("prompt_id")),
        tasks=() if task is None else task.texts,
        task=None if task is None else task.codes,
        judge=_with_gaps(coded.get("judge")),
        file=file,
        lines=lines,
        notes=notes,
    )
    if "entrant_a" in coded or "entrant_b" in coded:
        table = _with_entrants(table, coded, where)
    return table


def _outcomes(winners: Coded, where: _Where) -> NDArray[np.int8]:
    known = np.array([OUTCOMES.get(text.lower(), 99) for text in winners.texts], dtype=np.int8)
    outcome = known[winners.codes] if len(known) else np.empty(0, np.int8)
    unknown = outcome == 99
    if unknown.any():
        text = winners.texts[int(winners.codes[int(np.argmax(unknown))])]
        where.refuse(
            unknown,
            "ranking.unknown_winner",
            "{place} has the winner {value!r}.",
            value=text,
            fix="A winner is a, b or tie; an empty one is a verdict that could not be had.",
        )
    return outcome


def _with_entrants(table: VerdictTable, coded: Mapping[str, Coded], where: _Where) -> VerdictTable:
    """Add the entrants; a gap stands for the contestant itself."""
    names = Coded(np.arange(len(table.contestants)), table.contestants)
    parts = [coded.get("entrant_a", Coded.of([""] * len(table))), coded.get("entrant_b")]
    parts = [part if part is not None else Coded.of([""] * len(table)) for part in parts]
    entrants, (own, *sides) = _merge([names, *[part for part in parts if part is not None]])
    filled = [
        np.where(_is_empty(side, entrants), own[codes], side)
        for side, codes in zip(sides, (table.a, table.b), strict=True)
    ]
    # One entrant per contestant and task: look every claim up against the first one.
    tasks = max(1, len(table.tasks))
    task = np.zeros(len(table), np.int64) if table.task is None else table.task
    keys = (np.stack([table.a, table.b], axis=1) * tasks + task[:, None]).ravel()
    claimed = np.stack(filled, axis=1).ravel()
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    where.refuse(
        (claimed != claimed[first][same]).reshape(-1, 2).any(axis=1),
        "ranking.two_entrants",
        "{place} gives a contestant another entrant than an earlier row of the same task.",
    )
    return replace(table, entrants=entrants, entrant_a=filled[0], entrant_b=filled[1])


def _merge(columns: Sequence[Coded]) -> tuple[tuple[str, ...], list[Codes]]:
    """Give several columns one common tuple of texts."""
    places: dict[str, int] = {}
    codes = []
    for column in columns:
        moved = np.array([places.setdefault(t, len(places)) for t in column.texts], dtype=np.int64)
        codes.append(moved[column.codes] if len(moved) else column.codes)
    return tuple(places), codes


def _is_empty(codes: Codes, texts: tuple[str, ...]) -> NDArray[np.bool_]:
    if "" not in texts:
        return np.zeros(len(codes), dtype=np.bool_)
    return np.asarray(codes == texts.index(""), dtype=np.bool_)


def _with_gaps(column: Coded | None) -> Codes | None:
    """The codes with -1 for a gap; None where the column is absent or empty throughout."""
    if column is None or set(column.texts) <= {""}:
        return None
    if "" not in column.texts:
        return column.codes
    return np.where(_is_empty(column.codes, column.texts), -1, column.codes)


@dataclass(frozen=True, slots=True)
class _Where:
    """Says which row of which file a complaint is about."""

    file: str | None
    lines: Sequence[int] | None

    def refuse(
        self,
        bad: NDArray[np.bool_],
        code: str,
        text: str,
        *,
        fix: str = "Correct or remove that row.",
        value: str = "",
    ) -> None:
        """Raise about the first bad row, if there is one."""
        if not bad.any():
            return
        row = int(np.argmax(bad)) + 1
        place = f"Verdict {row}" if self.file is None else f"{self.file}: row {row}"
        if self.lines is not None:
            place += f" (line {self.lines[row - 1]})"
        params = {"place": place, "row": row, "value": value}
        if self.file is not None:
            params["file"] = self.file
        raise RankingError(code, text, fix=fix, **params)
