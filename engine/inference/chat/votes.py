"""Votes cast in conversations, as verdicts that a ranking reads."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.inference.chat.conversation import Conversation, Turn

#: The columns of ``bakeoff rank --verdicts``.
_COLUMNS: Final = ("a", "b", "winner", "prompt_id")


def verdicts(conversations: Iterable[Conversation]) -> list[dict[str, str]]:
    """A verdict for each pair that a vote decides: the better pane against each other one, or all of them equal.

    Panes of one name count as one contestant as long as the same file, or the same snapshot of an endpoint's model,
    answered; otherwise what answered is part of the name. Answers that cannot be compared have no verdicts.
    """
    kept = list(conversations)
    identities: dict[str, set[str]] = defaultdict(set)
    for conversation in kept:
        for turn in conversation.turns:
            for pane in turn.comparable if turn.vote is not None else ():
                identities[conversation.panes[pane].name].add(_identity(conversation, turn, pane))

    def name(conversation: Conversation, turn: Turn, pane: int) -> str:
        called = conversation.panes[pane].name
        return called if len(identities[called]) == 1 else f"{called} {_identity(conversation, turn, pane)}"

    rows = []
    for conversation in kept:
        for number, turn in enumerate(conversation.turns):
            names = {pane: name(conversation, turn, pane) for pane in turn.comparable}
            for one, other in _pairs(turn.vote, turn.comparable):
                if names[one] == names[other]:
                    continue  # two answers of one model say nothing about which is better
                winner = "tie" if turn.vote == "tie" else "a"
                prompt = f"{conversation.id}/{number + 1}"
                rows.append({"a": names[one], "b": names[other], "winner": winner, "prompt_id": prompt})
    return rows


def write_verdicts(rows: list[dict[str, str]], file: Path) -> None:
    """Write them as ``bakeoff rank --verdicts`` reads them."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _identity(conversation: Conversation, turn: Turn, pane: int) -> str:
    """What really answered: the beginning of the file's hash, or the snapshot of an endpoint's model."""
    answer = turn.answers[pane]
    return (answer.sha256 or conversation.panes[pane].sha256)[:8] or answer.snapshot


def _pairs(vote: int | str | None, panes: list[int]) -> list[tuple[int, int]]:
    """Pairs that a vote decides, the better one first."""
    if vote is None or (vote != "tie" and vote not in panes):
        return []
    if vote == "tie":
        return [(one, other) for place, one in enumerate(panes) for other in panes[place + 1 :]]
    return [(int(vote), other) for other in panes if other != vote]
