"""Votes cast in conversations, as verdicts that a ranking reads."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.files import write_bytes
from engine.inference.chat.conversation import Answer, Conversation, Turn

#: The columns of ``bakeoff rank --verdicts``.
_COLUMNS: Final = ("a", "b", "winner", "prompt_id")


def verdicts(conversations: Iterable[Conversation]) -> list[dict[str, str]]:
    """A verdict for each pair that a vote decides: the better pane against each other one, or all of them equal.

    Only answers that are `Answer.comparable` are in a pair. Answers under one name are one contestant's as long as
    the same file, or the same model of an endpoint, gave them all; otherwise quantisation and hash, or that model,
    are part of the name.
    """
    decided = [
        (
            f"{conversation.id}/{number}",
            turn.vote,
            [(conversation.panes[pane].name, turn.answers[pane]) for pane in pair],
        )
        for conversation in conversations
        for number, turn in enumerate(conversation.turns, start=1)
        for pair in _pairs(turn)
    ]
    behind: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for _, _, pair in decided:
        for name, answer in pair:
            behind[name].add(_identity(answer))
    rows = []
    for prompt, vote, pair in decided:
        one, other = (name if len(behind[name]) == 1 else _told_apart(name, answer) for name, answer in pair)
        if one != other:  # two answers of one model say nothing about which is better
            winner = "tie" if vote == "tie" else "a"
            rows.append({"a": one, "b": other, "winner": winner, "prompt_id": prompt})
    return rows


def write_verdicts(rows: list[dict[str, str]], file: Path) -> None:
    """Write them as ``bakeoff rank --verdicts`` reads them; the file appears whole, or not at all."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(file, stream.getvalue().encode("utf-8"))


def _identity(answer: Answer) -> tuple[str, ...]:
    """Who answered: hash and quantisation of a file, or the model that an endpoint named."""
    return (answer.quantisation, answer.sha256) if answer.sha256 else (answer.snapshot,)


def _told_apart(name: str, answer: Answer) -> str:
    parts = (answer.quantisation, answer.sha256[:8]) if answer.sha256 else (answer.snapshot,)
    return " ".join([name, *filter(None, parts)])


def _pairs(turn: Turn) -> list[tuple[int, int]]:
    """Pairs that a vote decides, the better one first."""
    panes = [pane for pane, answer in sorted(turn.answers.items()) if answer.comparable]
    if turn.vote == "tie":
        return [(one, other) for place, one in enumerate(panes) for other in panes[place + 1 :]]
    if turn.vote not in panes:
        return []
    return [(int(turn.vote), other) for other in panes if other != turn.vote]
