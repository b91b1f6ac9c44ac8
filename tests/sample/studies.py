"""The studies of the sample workspace: one that is finished, one that runs, one that failed."""

from __future__ import annotations

import errno
import random
from typing import Any, Final

from engine.datasets import DatasetStore
from engine.errors import Words, templates
from engine.files import write_bytes
from engine.inference.budget import Budget
from engine.jobs.directory import JobDirectory, Request, create
from engine.jobs.worker import describe
from engine.judging.standings import standings
from engine.metrics import majority_floor
from engine.studies.conclusions import conclude, validate_sentence
from engine.studies.reading import check_study
from engine.studies.result import AnswerFigures, EntrantResult, StudyResult, TaskResult, Validation
from engine.studies.spec import StudySpec
from engine.workspace import Workspace
from engine.workspace.tables import Study as StudyRow
from tests.sample.answers import FINALISTS, Answers, shown
from tests.sample.metrics import METRICS, metric_of
from tests.sample.names import (
    BASES,
    JUDGE,
    LARGE,
    MERGES,
    PARENTS,
    SEALED,
    STUDY,
    TASKS,
    UNTUNED,
    contestant,
)
from tests.sample.times import NOW, before, row_time

#: What is answered without tuning, with three solved examples, by the metric of each task.
_FEW_SHOT: Final = {"library-intents": 0.45, "request-extraction": 0.38, "note-summaries": 0.29, SEALED: 0.41}
RUNNING: Final = "quick answers"


def save_studies(
    workspace: Workspace, datasets: dict[str, DatasetStore], answers: Answers, hashes: dict[str, str]
) -> None:
    """Save them all, with the jobs that carry them."""
    result = _result(workspace, datasets, answers, hashes)
    file = workspace.reports / "town-desk" / "report.html"
    file.parent.mkdir()
    write_bytes(file, b"<!doctype html><title>Town desk</title>\n")
    document = result.model_dump(mode="json") | {"report": workspace.relative(file)}
    finished = _save(
        workspace,
        STUDY,
        "Which small model reads the desk's mail best? Four bases learn three tasks; the two best are merged.",
        200,
        document,
        bases=BASES,
        tasks=[*TASKS, SEALED],
        references=[UNTUNED, LARGE],
        merging={"parents": 2, "recipes": list(MERGES.values())},
        judging={"judge": JUDGE},
        budget_usd=6.0,
    )
    finished.change(state="done", attempt=1, started=before(395), ended=before(64))
    write_budget(finished, 3.42)
    running = _save(
        workspace,
        RUNNING,
        "Does the merge answer short questions as well as its parents?",
        95,
        {},
        bases=("alder-360m", "birch-360m", "alder-birch-slerp"),
        tasks=["note-summaries", "library-intents"],
    )
    running.change(
        state="running",
        attempt=1,
        started=before(52),
        heartbeat=NOW - 1,
        progress={"done": 1240, "total": 3080, "unit": "planned seconds", "seconds_left": 2700.0},
    )
    failed = _save(
        workspace,
        "first try",
        "Two bases on one task.",
        600,
        {},
        bases=("cedar-360m", "alder-360m"),
        tasks=["library-intents"],
    )
    failed.change(
        state="failed",
        attempt=1,
        started=before(598),
        ended=before(590),
        error=describe(OSError(errno.ENOSPC, ""), failed.id).record(),
    )


def write_budget(job: JobDirectory, usd: float) -> None:
    """Note what a job has spent, as a budget does."""
    budget = Budget(journal=job.checkpoints / "budget.jsonl")
    budget.settle(budget.reserve(usd), usd)


def _save(
    workspace: Workspace,
    name: str,
    about: str,
    minutes: float,
    result: dict[str, Any],
    *,
    bases: tuple[str, ...],
    tasks: list[str],
    **more: Any,
) -> JobDirectory:
    study = check_study(
        {
            "name": name,
            "about": about,
            "bases": [{"name": base} for base in bases],
            "tasks": [{"dataset": task, "metric": METRICS[task], "sealed": task == SEALED} for task in tasks],
            **more,
        }
    )
    spec = StudySpec(study=study, folder="/")
    request = Request(
        id=f"{name.replace(' ', '-')}.study.1",
        kind="study",
        title=f"Study {name}",
        title_words=Words("Study {name}", name=name).record(),
        spec=spec.model_dump(mode="json"),
        created=before(minutes),
        lane="coordinator",
        study=name,
    )
    job = create(workspace.jobs, request)
    with workspace.catalogue.writing() as rows:
        definition = spec.model_dump(mode="json")
        rows.add(
            StudyRow(
                name=name,
                definition=definition,
                job_id=job.id,
                result=result,
                created_at=row_time(minutes),
            )
        )
    return job


def _result(
    workspace: Workspace, datasets: dict[str, DatasetStore], answers: Answers, hashes: dict[str, str]
) -> StudyResult:
    """What the finished study found, reckoned from its verdicts as a study does."""
    ranking = standings(workspace, list(TASKS), JUDGE).ranking
    trained = [row.name for row in ranking.contestants if row.name not in (UNTUNED, LARGE)]
    sealed = standings(workspace, [SEALED], JUDGE, reference=contestant(FINALISTS[1], SEALED)).ranking
    first, second = FINALISTS
    ahead = sealed.standing(contestant(first, SEALED))
    verdict, sentence = validate_sentence(first, second, SEALED, ahead)
    result = StudyResult(
        study=STUDY,
        judge=JUDGE,
        plain=BASES[0],
        winner=trained[0],
        entrants=[
            *(EntrantResult(name=name, kind="base") for name in BASES),
            *(
                EntrantResult(name=name, kind="merge", parents=list(PARENTS), recipe=f"merge_method: {how}")
                for name, how in MERGES.items()
            ),
            *(EntrantResult(name=name, kind="reference") for name in (UNTUNED, LARGE)),
        ],
        tasks=[_task(datasets, answers, hashes, task) for task in TASKS],
        ranking=ranking.as_dict(),
        groups=[list(group) for group in ranking.groups],
        validation=Validation(
            dataset=SEALED,
            first=first,
            second=second,
            difference=ahead.rating,
            lo=ahead.lo,
            hi=ahead.hi,
            verdict=verdict,
            sentence=sentence,
            ranking=_by_entrant(sealed.as_dict()),
            task=_task(datasets, answers, hashes, SEALED),
        ),
        seconds=19_860.0,
        cost_usd=3.42,
        machine="8 cores, 32 GB, no accelerator",
        versions={"bakeoff": "0.1.0"},
    )
    conclusions, cautions = conclude(result, ranking)
    result.conclusions, result.cautions = conclusions, cautions
    result.words = templates([*conclusions, *cautions, sentence])
    return result


def _by_entrant(document: dict[str, Any]) -> dict[str, Any]:
    """The ranking of a sealed task names entrants."""
    names = {contestant(one, SEALED): one for one in FINALISTS}
    rows = [{**row, "name": names[row["name"]]} for row in document["contestants"]]
    return {**document, "contestants": rows}


def _weights(hashes: dict[str, str], entrant: str, model: str) -> str:
    """Of a fine-tune and the model that it is one of; nothing is known of others."""
    return f"{hashes[entrant]}+{hashes[model]}" if model in hashes and entrant in hashes else ""


def _task(
    datasets: dict[str, DatasetStore], answers: Answers, hashes: dict[str, str], task: str
) -> TaskResult:
    store, metric = datasets[task], metric_of(task)
    examples = shown(store)
    expected = {one.prompt_id: one.answer_text for one in examples}
    known = [one.answer_text for one in store.examples("train")]
    floor = majority_floor(known, list(expected.values())) if metric.name == "label" else None
    figures = []
    for entrant, given in answers[task].items():
        draw = random.Random(f"{entrant} takes its time on {task}")
        scores = [metric.score(expected[prompt], text) for prompt, text in given.items()]
        figures.append(
            AnswerFigures(
                contestant=contestant(entrant, task),
                entrant=entrant,
                weights=_weights(hashes, entrant, contestant(entrant, task).partition("@")[0]),
                prompts=len(given),
                metric=sum(scores) / len(scores),
                cut_off=0.05 if entrant == UNTUNED else 0.0,
                seconds_per_1000=round(380 + 90 * draw.random(), 1),
                usd_per_1000=0.4 if entrant == LARGE else 0.0,
            )
        )
    untuned = next((one.metric for one in figures if one.entrant == UNTUNED), 0.12)
    return TaskResult(
        dataset=task,
        metric=metric.name,
        metric_title=metric.title,
        prompts=len(examples),
        train_examples=len(known),
        sealed=task == SEALED,
        floor=None if floor is None else floor.share,
        floor_answer="" if floor is None else floor.answer,
        few_shot=_FEW_SHOT[task],
        untuned=untuned,
        figures=figures,
    )
