"""The jobs of the sample workspace: one that trains, others that wait, are done, paused, or have failed."""

from __future__ import annotations

import json
import math
import random
from typing import Any, Final

from pydantic import BaseModel

from engine.errors import Words
from engine.exporting.spec import ExportSpec
from engine.inference.spec import GenerateSpec
from engine.jobs.directory import JobDirectory, Request, create
from engine.jobs.kinds import KINDS
from engine.jobs.worker import describe
from engine.judging.spec import JudgeSpec
from engine.merging.spec import MergeSpec
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.sample.names import BASES, JUDGE, MERGES, STUDY, TASKS, tuned
from tests.sample.studies import RUNNING, write_budget
from tests.sample.times import NOW, before

#: Steps of a run, and how many the running one has done.
_STEPS: Final = 168
_DONE: Final = 112
_TRAINING: Final = TrainRecipe(epochs=3, learning_rate=1e-3, batch_size=4, lora_rank=16, eval_share=0.1)


def ask_for_jobs(workspace: Workspace) -> tuple[JobDirectory, ...]:
    """Ask for them all; returns those that run."""
    _trained(workspace)
    running = _running(workspace)
    _waiting(workspace)
    _ended(workspace)
    return (JobDirectory(workspace.jobs / f"{RUNNING.replace(' ', '-')}.study.1"), running)


def _trained(workspace: Workspace) -> None:
    """Runs that are done, with their curves."""
    minutes = 390.0
    for task in TASKS:
        for base in (*BASES, *MERGES):
            name = tuned(base, task)
            job = _ask(
                workspace,
                "train",
                _train_spec(base, task),
                _train_title(base, task),
                minutes,
                f"train-{name}",
            )
            took = 5.0 + random.Random(name).random() * 6
            job.change(
                state="done",
                attempt=1,
                started=before(minutes - 1),
                ended=before(minutes - 1 - took),
                progress={"done": _STEPS, "total": _STEPS, "unit": "steps", "seconds_left": 0.0},
            )
            _write_course(job, name, _STEPS, before(minutes - 1), 60 * took / _STEPS)
            minutes -= 17


def _running(workspace: Workspace) -> JobDirectory:
    name = tuned("alder-birch-slerp", "library-intents")
    job = _ask(
        workspace,
        "train",
        _train_spec("alder-birch-slerp", "library-intents", f"{name}-2"),
        _train_title("alder-birch-slerp", "library-intents"),
        14,
        "quick-answers.train-library-intents-alder-birch-slerp.1",
        RUNNING,
    )
    job.change(
        state="running",
        attempt=1,
        pid=1,
        heartbeat=NOW - 2,
        started=before(12),
        progress={"done": _DONE, "total": _STEPS, "unit": "steps", "loss": 0.213, "seconds_left": 341.0},
    )
    _write_course(job, f"{name} again", _DONE, before(12), 6.3)
    return job


def _waiting(workspace: Workspace) -> None:
    dataset = TASKS[0]
    names = [f"{tuned(base, dataset)}@q8_0" for base in BASES[1:3]]
    _ask(
        workspace,
        "merge",
        MergeSpec(recipe="ties", name="alder-elm-ties"),
        _merge_title("alder-360m", "elm-360m", "ties"),
        9,
        "merge-alder-elm",
    )
    _ask(
        workspace,
        "generate",
        GenerateSpec(models=names, dataset=dataset),
        Words("Answers to {dataset}", dataset=dataset),
        8,
        "answer-intents",
    )
    _ask(
        workspace,
        "export",
        ExportSpec(model=tuned("alder-birch-slerp", TASKS[1]), quantisation="q4_k_m"),
        Words("Export {model} as {form}", model=tuned("alder-birch-slerp", TASKS[1]), form="q4_k_m"),
        6,
        "export-slerp",
    )
    spec = JudgeSpec(dataset="note-summaries", contestants=names, judge=JUDGE, budget_usd=2.0)
    paused = _ask(workspace, "judge", spec, _judge_title("note-summaries"), 45, "judge-notes")
    paused.change(
        state="paused",
        attempt=1,
        started=before(44),
        progress={"done": 214, "total": 560, "unit": "comparisons"},
    )
    write_budget(paused, 0.24)


def _ended(workspace: Workspace) -> None:
    long = _train_spec("elm-360m", "note-summaries", "elm-360m-long-notes")
    failed = _ask(workspace, "train", long, _train_title("elm-360m", "note-summaries"), 30, "train-elm-long")
    failed.change(
        state="failed",
        attempt=1,
        started=before(29),
        ended=before(24),
        progress={"done": 31, "total": 459, "unit": "steps"},
        error=describe(MemoryError(), failed.id).record(),
    )
    for title, kind, spec, begin, took in (
        (
            _merge_title("alder-360m", "birch-360m", "slerp"),
            "merge",
            MergeSpec(recipe="slerp", name="alder-birch-slerp"),
            180.0,
            0.6,
        ),
        (
            _judge_title("request-extraction"),
            "judge",
            JudgeSpec(dataset="request-extraction", contestants=["a", "b"], judge=JUDGE, budget_usd=2.0),
            110.0,
            7.5,
        ),
    ):
        job = _ask(workspace, kind, spec, title, begin, f"{kind}-done", STUDY)
        job.change(state="done", attempt=1, started=before(begin), ended=before(begin - took))


def _train_spec(base: str, task: str, name: str = "") -> TrainSpec:
    return TrainSpec(base=base, dataset=task, name=name or tuned(base, task), recipe=_TRAINING)


def _train_title(base: str, task: str) -> Words:
    return Words("Train {base} on {dataset}{suffix}", base=base, dataset=task, suffix="")


def _merge_title(first: str, second: str, recipe: str) -> Words:
    parents = Words("{first} and {last}", first=first, last=second)
    return Words("Merge {parents} by {recipe}", parents=parents, recipe=recipe)


def _judge_title(task: str) -> Words:
    return Words("Judge {dataset} ({split})", dataset=task, split="test")


def _ask(
    workspace: Workspace,
    kind: str,
    spec: BaseModel,
    title: Words,
    minutes: float,
    number: str,
    study: str | None = None,
) -> JobDirectory:
    request = Request(
        id=number,
        kind=kind,
        title=title,
        title_words=title.record(),
        spec=spec.model_dump(mode="json"),
        created=before(minutes),
        lane=KINDS[kind].lane,
        study=study,
    )
    return create(workspace.jobs, request)


def _write_course(job: JobDirectory, name: str, steps: int, begin: float, pace: float) -> None:
    """The events of a run: losses that fall, and a check three times in between."""
    draw = random.Random(name)
    lines: list[dict[str, Any]] = []

    def add(kind: str, moment: float, **data: Any) -> None:
        lines.append({"seq": len(lines) + 1, "time": round(moment, 3), "type": kind, "data": data})

    add("job.started", begin, attempt=1)
    share = "0.1 of 224 examples, at least 2 of 8"
    add("decision", begin + 9, subject="evaluation_slice", choice=22, reason=share)
    speed = "bfloat16 runs at 1.9x the speed of float32 on this CPU"
    add("decision", begin + 9, subject="device", choice="cpu, bfloat16", reason=speed)
    low = 0.12 + 0.1 * draw.random()
    for step in range(1, steps + 1):
        past = step / _STEPS
        loss = low + 2.4 * math.exp(-9 * past) + (0.05 + 0.25 * math.exp(-4 * past)) * draw.random()
        rate = 1e-3 * min(1.0, past / 0.06) * (0.5 + 0.5 * math.cos(math.pi * past))
        speed = 640 + 30 * draw.random() - 90 * math.exp(-8 * past)
        add(
            "train.step",
            begin + 10 + pace * step,
            step=step,
            loss=round(loss, 6),
            learning_rate=rate,
            grad_norm=round(0.6 + draw.random(), 4),
            tokens_per_second=round(speed, 1),
        )
        if step % 28 == 0:
            check = low + 0.06 + 2.2 * math.exp(-8 * past) + 0.05 * max(0.0, past - 0.6)
            add("train.evaluation", begin + 10 + pace * step, step=step, loss=round(check, 6))
    if steps == _STEPS:
        add("job.done", begin + 10 + pace * steps, summary={"peak_memory_mb": 2_870})
    job.events.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
