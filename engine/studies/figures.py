"""How contestants answered, in the task's own metric, with the floors that put it into perspective."""

from __future__ import annotations

import os
import platform
from statistics import fmean

from engine.datasets.example import Example
from engine.datasets.library import open_dataset
from engine.datasets.selection import select
from engine.errors import BakeoffError
from engine.inference.contestants import DATASET, latest
from engine.inference.outputs import read_outputs
from engine.judging.prepare import expected_answer
from engine.metrics import Metric, guess_metric, majority_floor, metric_named
from engine.studies.products import Products
from engine.studies.result import AnswerFigures, TaskResult
from engine.studies.spec import Task
from engine.workspace import Workspace


def task_result(workspace: Workspace, task: Task, products: Products, entrants: list[str]) -> TaskResult:
    """The figures of one task on its test prompts."""
    dataset = open_dataset(workspace, task.dataset, "judge")
    train = select(dataset.store, "train", limit=task.limits.train, answers=task.answers)
    test = select(dataset.store, "test", limit=task.limits.test, answers=task.answers)
    known, asked = (
        [expected_answer(example) for example in train],
        [expected_answer(example) for example in test],
    )
    metric = metric_named(task.metric) if task.metric else guess_metric([*known, *asked])[0]
    result = TaskResult(
        dataset=task.dataset,
        metric=metric.name,
        metric_title=metric.title,
        prompts=len(test),
        train_examples=len(train),
        sealed=task.sealed,
    )
    if metric.name == "label" and known and asked:
        floor = majority_floor(known, asked)
        result.floor, result.floor_answer = floor.share, floor.answer
    names = products.entrants_of(task.dataset, entrants, references=not task.sealed)
    names.pop(DATASET, None)
    for name, entrant in names.items():
        figures = _figures(workspace, dataset.id, name, entrant, test, metric)
        if figures is None:
            continue
        if entrant == f"fewshot:{products.bases[0]}":
            result.few_shot = figures.metric
        if entrant == f"untuned:{products.bases[0]}":
            result.untuned = figures.metric
        result.figures.append(figures)
    if result.figures:  # what was answered, should that be less
        result.prompts = max(figures.prompts for figures in result.figures)
    return result


def _figures(
    workspace: Workspace, dataset_id: str, name: str, entrant: str, test: list[Example], metric: Metric
) -> AnswerFigures | None:
    """Means over the test prompts that ``name`` answered; None when it answered none."""
    try:
        answerer = latest(workspace, dataset_id, name)
        outputs = read_outputs(workspace, answerer.id)
    except BakeoffError:
        return None
    answered = [(example, outputs[example.prompt_id]) for example in test if example.prompt_id in outputs]
    if not answered:
        return None
    return AnswerFigures(
        contestant=name,
        entrant=entrant,
        weights=str(answerer.identity.get("weights") or ""),
        prompts=len(answered),
        metric=fmean(metric.score(expected_answer(example), output.text) for example, output in answered),
        cut_off=fmean(output.stop == "length" for _, output in answered),
        seconds_per_1000=1000 * fmean(output.seconds for _, output in answered),
        usd_per_1000=1000 * fmean(output.cost_usd for _, output in answered),
    )


def machine_in_words() -> str:
    """Processor, cores, memory and system, for the report."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} CPU cores, {memory:.0f} GiB of memory, {platform.system()} {platform.machine()}"
