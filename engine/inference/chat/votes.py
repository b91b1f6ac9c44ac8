"""Votes cast in conversations, as verdicts that a ranking reads."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.inference.chat.conversation import Conversation, Pane

#: The columns of ``bakeoff rank --verdicts``.
_COLUMNS: Final = ("a", "b", "winner", "prompt_id")


def verdicts(conversations: Iterable[Conversation]) -> list[dict[str, str]]:
    """A verdict for each pair that a vote decides: the better pane against each other one, or all of them equal.

    Panes of one name count as one contestant as long as the same file answered; otherwise the file's hash is part
    of the name.
    """
    kept = list(conversations)
    files: dict[str, set[str]] = defaultdict(set)
    for conversation in kept:
        for pane in conversation.panes:
            files[pane.name].add(pane.sha256)

    def name(pane: Pane) -> str:
        return pane.name if len(files[pane.name]) == 1 else f"{pane.name} {pane.sha256[:8]}"

    rows = []
    for conversation in kept:
        names = [name(pane) for pane in conversation.panes]
        for number, turn in enumerate(conversation.turns):
            for one, other in _pairs(turn.vote, sorted(turn.answers)):
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


def _pairs(vote: int | str | None, panes: list[int]) -> list[tuple[int, int]]:
    """Pairs that a vote decides, the better one first."""
    if vote is None:
        return []
    if vote == "tie":
        return [(one, other) for place, one in enumerate(panes) for other in panes[place + 1 :]]
    return [(int(vote), other) for other in panes if other != vote]
