"""Compares GGUF files of one model: what they answer, how well, how surely, how fast."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset
from engine.datasets.selection import select
from engine.exporting.drift.prompts import require_prompts
from engine.inference.llama.context import cells_for
from engine.inference.llama.decoder import BatchedDecoder
from engine.inference.llama.offload import load_fitting
from engine.inference.llama.scoring import log_likelihoods
from engine.metrics import Metric, guess_metric, metric_named
from engine.models.library import ExportedFile
from engine.models.template import ChatTemplate
from engine.progress import Reporter

#: Prompts answered at the same time.
_BATCH: Final = 32
#: Train answers that are looked at to tell the metric.
_LOOKED_AT: Final = 2000


@dataclass(frozen=True)
class _Asked:
    """The prompts of the task, rendered, with what was expected."""

    prompts: list[list[int]]
    answers: list[list[int]]
    expected: list[str]
    longest: int


def compare_files(
    dataset: OpenDataset,
    template: ChatTemplate,
    exports: Sequence[ExportedFile],
    reporter: Reporter,
    *,
    metric: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Let files answer a task's test prompts, and compare them with the first.

    Args:
        dataset: The task.
        template: The model's.
        exports: GGUF files of one model, the one to compare with first.
        reporter: Hears the progress.
        metric: How answers are compared; None: told by their form.
        limit: Answer at most this many prompts.

    Returns:
        Dataset, metric, prompts, reference, and a row per file.

    Raises:
        ExportError: There are no test prompts.
    """
    require_prompts(dataset)
    examples = select(dataset.store, "test", limit=limit)
    asked = _asked(template, examples)
    measure = _metric(reporter, metric, dataset, asked.expected)
    rows: list[dict[str, Any]] = []
    first: list[str] = []
    for number, export in enumerate(exports):
        reporter.progress(number, len(exports), "files", quantisation=export.quantisation)
        row, texts = _measure(reporter, export, asked, template, measure)
        first = first or texts
        row["agreement"] = fmean(one == other for one, other in zip(texts, first, strict=True))
        rows.append(row)
    for row in rows:
        row["likelihood_lost"] = round(rows[0]["log_likelihood"] - row["log_likelihood"], 5)
    return {
        "dataset": dataset.name,
        "metric": measure.name,
        "prompts": len(examples),
        "reference": exports[0].quantisation,
        "files": rows,
    }


def _metric(reporter: Reporter, wanted: str | None, dataset: OpenDataset, expected: list[str]) -> Metric:
    """The metric that is wanted, or one that fits the answers; labels show by coming again in the train split."""
    if wanted is not None:
        return metric_named(wanted)
    known = [example.answer_text for example in select(dataset.store, "train", limit=_LOOKED_AT)]
    metric, why = guess_metric([*known, *expected])
    reporter.decision("metric", metric.name, why)
    return metric


def _measure(
    reporter: Reporter, export: ExportedFile, asked: _Asked, template: ChatTemplate, metric: Metric
) -> tuple[dict[str, Any], list[str]]:
    """One file's row of the report, and its answers."""
    longest = max(len(prompt) for prompt in asked.prompts) + asked.longest
    cells = cells_for(longest, min(_BATCH, len(asked.prompts)) + 1)
    with load_fitting(export.file, cells, -1, reporter) as model:
        stops = {token for token in template.stop_ids if token < model.tokens}
        started = time.monotonic()
        decoder = BatchedDecoder(model, sequences=_BATCH)
        decoded = list(decoder.decode(asked.prompts, stops, asked.longest, reporter=reporter))
        seconds = time.monotonic() - started
        decoded.sort(key=lambda one: one.index)
        texts = [template.tokenizer.decode(one.tokens, skip_special_tokens=True).strip() for one in decoded]
        pairs = list(zip(asked.prompts, asked.answers, strict=True))
        values = log_likelihoods(model, pairs, reporter=reporter)
    scored = [
        (value, len(answer))
        for value, answer in zip(values, asked.answers, strict=True)
        if value != float("-inf")
    ]
    tokens = sum(length for _, length in scored)
    row = {
        "quantisation": export.quantisation,
        "bytes": export.info.get("bytes"),
        "bits_per_weight": export.info.get("bits_per_weight"),
        "metric": fmean(
            metric.score(expected, text) for text, expected in zip(texts, asked.expected, strict=True)
        ),
        # Natural logarithm of the probability of the expected answers, per token.
        "log_likelihood": round(sum(value for value, _ in scored) / tokens, 5) if tokens else float("nan"),
        "answers_per_second": round(len(texts) / seconds, 2),
    }
    return row, texts


def _asked(template: ChatTemplate, examples: list[Example]) -> _Asked:
    prompts, answers, expected = [], [], []
    for example in examples:
        rendered = template.render([message.as_dict() for message in example.messages], example.tools)
        prompts.append(rendered.ids[: rendered.prompt_length])
        answers.append(rendered.ids[rendered.prompt_length :])
        expected.append(example.answer_text)
    longest = max(len(answer) for answer in answers)
    return _Asked(prompts, answers, expected, min(longest * 3 // 2 + 8, 2048))
