"""Contestants' answers: Parquet for local ones, the catalogue for paid ones, one way to read both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from engine.files import replace, temporary_name
from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput, OutputSet

#: Rows that are made of a file at once.
_AT_ONCE: Final = 250


@dataclass(frozen=True)
class Output:
    """A contestant's answer to one prompt.

    Attributes:
        stop: Why it ended: ``stop``, ``length``, ``refusal``, ``content_filter``.
        tokens: Tokens of the answer.
        seconds: Time it took; in a batch, its share.
        cost_usd: Paid for it.
    """

    prompt_id: str
    text: str
    stop: str
    tokens: int
    seconds: float
    cost_usd: float = 0.0


def write_outputs(file: Path, outputs: Iterable[Output], identity: Mapping[str, Any]) -> int:
    """Write one contestant's answers to a new Parquet file; returns how many.

    Args:
        file: Its place.
        outputs: The answers.
        identity: Of the contestant, its sampling settings among it: kept in the file, under ``contestant``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [asdict(output) for output in outputs]
    schema = pa.schema(
        [
            ("prompt_id", pa.string()),
            ("text", pa.string()),
            ("stop", pa.string()),
            ("tokens", pa.int32()),
            ("seconds", pa.float64()),
            ("cost_usd", pa.float64()),
        ],
        metadata={"contestant": json.dumps(dict(identity), ensure_ascii=False, sort_keys=True)},
    )
    temporary = temporary_name(file)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)
    replace(temporary, file)
    return len(rows)


def sampling_of(identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a contestant's tokens are chosen and how many there may be; None for answers that nobody generates."""
    if "sampling" in identity:
        return dict(identity["sampling"])
    told = {key: identity[key] for key in ("temperature", "max_tokens", "stop") if key in identity}
    return told or None


def read_outputs(workspace: Workspace, contestant_id: str) -> dict[str, Output]:
    """All answers of a contestant by prompt id; of several to one prompt, the first."""
    found: dict[str, Output] = {}
    with workspace.catalogue.reading() as session:
        files = session.scalars(
            select(OutputSet.file)
            .where(OutputSet.contestant_id == contestant_id)
            .order_by(OutputSet.created_at)
        ).all()
        for row in session.scalars(select(ApiOutput).where(ApiOutput.contestant_id == contestant_id)):
            found[row.prompt_id] = Output(
                row.prompt_id, row.text, row.stop, row.tokens, row.seconds, row.cost_usd
            )
    for name in files:
        for fields in _rows(workspace.absolute(name)):
            found.setdefault(fields["prompt_id"], Output(**fields))
    return found


def _rows(file: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    # Little by little: a window beside would stand still while all rows are made at once.
    batches = pq.read_table(file).to_batches(max_chunksize=_AT_ONCE)
    return [row for batch in batches for row in batch.to_pylist()]


def read_journal(path: Path) -> list[Output]:
    """Answers that an earlier attempt of this job left; a half-written last line is dropped and redone."""
    if not path.exists():
        return []
    whole = path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    path.write_bytes(whole)
    return [Output(**json.loads(line)) for line in whole.splitlines()]
