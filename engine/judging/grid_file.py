"""A grid of answers as a file: CSV for spreadsheets, JSONL for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from engine.errors import reason_of
from engine.files import replace, temporary_name
from engine.judging.errors import JudgingError
from engine.judging.grid import Answerer, Grid

#: Columns of a CSV file, which has a line for every answer.
_COLUMNS: Final = (
    "dataset",
    "split",
    "row",
    "prompt_id",
    "prompt",
    "expected",
    "contestant",
    "entrant",
    "answer",
    "stop",
    "tokens",
    "seconds",
    "cost_usd",
    "metric",
    "score",
    "judge",
    "wins",
    "ties",
    "losses",
)


def write_grid(grid: Grid, file: Path, rows: Sequence[int], shown: Sequence[Answerer]) -> int:
    """Write prompts with the answers to them, what each is worth by the metric, and how it fared with the judge.

    A CSV file has a line for every answer, a JSONL file one for every prompt with its whole conversation. What there
    is no value for is empty, or null; who has not answered a prompt is left out there.

    Args:
        grid: The answers.
        file: Ends in ``.csv`` or ``.jsonl``; appears when all is written, and replaces what was there.
        rows: Places of the prompts in the grid, in the order in which they are written.
        shown: Whose answers, in this order.

    Returns:
        How many answers were written.

    Raises:
        JudgingError: The ending names no form, or the file cannot be written.
    """
    write = _WRITERS.get(file.suffix.lower())
    if write is None:
        raise JudgingError(
            "grid.unknown_form",
            "Answers are not written in the form of '{file}'.",
            fix="Give the file a name that ends in .csv or .jsonl.",
            file=str(file),
        )
    temporary = temporary_name(file)
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            count = write(stream, grid, rows, shown)
        replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise JudgingError(
            "grid.not_written",
            "The answers cannot be written to {file}: {reason}.",
            fix="Check the folder and the space on that disk.",
            file=str(file),
            reason=reason_of(error),
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return count


def _write_csv(stream: IO[str], grid: Grid, rows: Sequence[int], shown: Sequence[Answerer]) -> int:
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    count = 0
    for place in rows:
        prompt = grid.prompts[place]
        common = {
            "dataset": grid.dataset,
            "split": grid.split,
            "row": grid.numbers[place],
            "prompt_id": prompt.id,
            "prompt": prompt.messages[-1].get("content") if prompt.messages else None,
            "expected": prompt.expected,
            "metric": grid.metric.name,
            "judge": grid.judge,
        }
        for answer in _answers(grid, place, shown):
            count += 1
            writer.writerow(common | answer)
    return count


def _write_jsonl(stream: IO[str], grid: Grid, rows: Sequence[int], shown: Sequence[Answerer]) -> int:
    count = 0
    for place in rows:
        prompt = grid.prompts[place]
        answers = list(_answers(grid, place, shown))
        count += len(answers)
        document = {
            "dataset": grid.dataset,
            "split": grid.split,
            "row": grid.numbers[place],
            "prompt_id": prompt.id,
            "messages": [dict(message) for message in prompt.messages],
            "expected": prompt.expected,
            "metric": grid.metric.name,
            "judge": grid.judge,
            "answers": answers,
        }
        stream.write(json.dumps(document, ensure_ascii=False) + "\n")
    return count


def _answers(grid: Grid, place: int, shown: Sequence[Answerer]) -> Iterator[dict[str, Any]]:
    prompt = grid.prompts[place]
    for one in shown:
        output = grid.outputs[one.id].get(prompt.id)
        if output is None:
            continue
        tally = grid.tally(prompt.id, one.id)
        yield {
            "contestant": one.name,
            "entrant": one.entrant,
            "answer": output.text,
            "stop": output.stop,
            "tokens": output.tokens,
            "seconds": output.seconds,
            "cost_usd": output.cost_usd,
            "score": grid.score(prompt, one.id),
            "wins": tally.wins,
            "ties": tally.ties,
            "losses": tally.losses,
        }


_WRITERS: Final[dict[str, Callable[[IO[str], Grid, Sequence[int], Sequence[Answerer]], int]]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
}
