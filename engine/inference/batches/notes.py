"""What is noted of batches that were sent, so that whoever comes next waits for them instead of paying again.

A folder holds ``0001.json`` per batch, and beside it ``0001.jsonl`` once its answers are there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.files import read_json, write_bytes, write_json
from engine.inference.completion import Completion

#: In the place of a batch's id, for a call that was made alone.
_ALONE: Final = "alone"


@dataclass(frozen=True)
class Sent:
    """A batch that was sent.

    Attributes:
        token: Stands in the batch's metadata; finds it again where its id was never read.
        id: What the endpoint calls it; empty until that is known.
        calls: Id of each call -> the most tokens that its prompt can have.
        reservation: Number and USD of what is set aside for it.
    """

    token: str
    id: str
    calls: dict[str, int]
    reservation: tuple[int, float]


class BatchNotes:
    """The notes in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[Path]:
        """The file of each batch, oldest first."""
        return sorted(self._folder.glob("*.json"))

    def add(self, sent: Sent) -> Path:
        """Note a batch; returns its file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{max((int(one.stem) for one in self.files()), default=0) + 1:04}.json"
        self.write(file, sent)
        return file

    def add_alone(self, call: str, answer: Completion) -> None:
        """Note a call that was made alone, with its answer."""
        file = self.add(Sent("", _ALONE, {call: 0}, (0, 0.0)))
        self.keep(file, json.dumps({"custom_id": call, "completion": asdict(answer)}).encode())

    def write(self, file: Path, sent: Sent) -> None:
        """Note what is known of a batch now."""
        write_json(file, asdict(sent))

    def read(self, file: Path) -> Sent:
        """What is noted of a batch."""
        noted = read_json(file)
        number, usd = noted["reservation"]
        return Sent(noted["token"], noted["id"], noted["calls"], (number, usd))

    def keep(self, file: Path, lines: bytes) -> None:
        """Keep what came of a batch."""
        write_bytes(file.with_suffix(".jsonl"), lines)

    def has_ended(self, file: Path) -> bool:
        """Whether that is there."""
        return file.with_suffix(".jsonl").exists()

    def entries(self, file: Path) -> Iterator[dict[str, Any]]:
        """What came of a batch, line by line; a line that cannot be read is left out."""
        for line in file.with_suffix(".jsonl").read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry

    def forget(self, file: Path) -> None:
        """Forget a batch that never came to be."""
        file.unlink()
