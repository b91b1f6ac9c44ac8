"""Results of studies that nobody ran: verdicts drawn from known strengths, ranked for real, figures by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any, Literal

from engine.ranking import Ranking, Verdict, VerdictTable, rank
from engine.studies.result import (
    AnswerFigures,
    Choice,
    EntrantResult,
    StepResult,
    StudyResult,
    TaskResult,
    Validation,
)

Kind = Literal["base", "merge", "reference"]
TASKS = ("desk-intents", "request-fields")
SEALED = "lost-property"


def drawn(
    strengths: Mapping[str, float],
    tasks: Sequence[str],
    prompts: int,
    *,
    seed: int = 0,
    ties: float = 0.2,
    reference: str | None = None,
) -> Ranking:
    """A ranking of entrants whose strengths are known, their contestants called ``entrant@task``."""
    return _drawn(tuple(strengths.items()), tuple(tasks), prompts, seed, ties, reference)


@cache
def _drawn(
    strength_of: tuple[tuple[str, float], ...],
    tasks: tuple[str, ...],
    prompts: int,
    seed: int,
    ties: float,
    reference: str | None,
) -> Ranking:
    strengths = dict(strength_of)
    draw = random.Random(seed)
    rows = []
    for task in tasks:
        for number in range(prompts):
            for first, second in combinations(strengths, 2):
                chance = 1 / (1 + math.exp(strengths[second] - strengths[first]))
                won = draw.random() < chance
                winner = "tie" if draw.random() < ties else "a" if won else "b"
                rows.append(
                    Verdict(
                        f"{first}@{task}", f"{second}@{task}", winner,
                        prompt_id=str(number), task=task, entrant_a=first, entrant_b=second,
                    )
                )  # fmt: skip
    return rank(VerdictTable.from_rows(rows), reference=reference)


def task_result(
    name: str, metrics: Mapping[str, float], *, prompts: int = 30, sealed: bool = False, **other: Any
) -> TaskResult:
    """A task on which every entrant reached the given share."""
    return TaskResult(
        dataset=name,
        metric=other.pop("metric", "label"),
        metric_title=other.pop("metric_title", "Exact label"),
        prompts=prompts,
        train_examples=96,
        sealed=sealed,
        figures=[
            AnswerFigures(
                contestant=f"{entrant}@{name}",
                entrant=entrant,
                prompts=prompts,
                metric=metric,
                cut_off=round(0.011 * place, 3),
                seconds_per_1000=412.5 + 31.25 * place,
                usd_per_1000=0.0 if ":" not in entrant or entrant.startswith("untuned:") else 1.735,
            )
            for place, (entrant, metric) in enumerate(metrics.items())
        ],
        **other,
    )


def study(
    strengths: Mapping[str, float],
    kinds: Mapping[str, Kind],
    *,
    plain: str,
    winner: str | None,
    prompts: int = 30,
    seed: int = 0,
    parents: Sequence[str] = (),
    **other: Any,
) -> StudyResult:
    """A result with two open tasks, in which the table comes from drawn verdicts."""
    ranking = drawn(strengths, TASKS, prompts, seed=seed)
    shares = {name: round(0.55 + 0.15 * strength, 3) for name, strength in strengths.items()}
    values: dict[str, Any] = {
        "study": "town-desk",
        "about": "Which small model reads the desk's mail best?",
        "judge": "reference",
        "plain": plain,
        "winner": winner,
        "entrants": [
            EntrantResult(
                name=name,
                kind=kind,
                parents=list(parents) if kind == "merge" else [],
                recipe="merge_method: slerp\nparameters:\n  t: 0.5" if kind == "merge" else "",
            )
            for name, kind in kinds.items()
        ],
        "tasks": [
            task_result(
                TASKS[0],
                shares,
                floor=0.148,
                floor_answer="renew_card",
                few_shot=0.233,
                untuned=shares.get(f"untuned:{plain}", 0.0),
            ),
            task_result(
                TASKS[1],
                shares,
                metric="json_fields",
                metric_title="JSON field accuracy",
                few_shot=0.317,
                untuned=shares.get(f"untuned:{plain}", 0.041),
            ),
        ],
        "ranking": ranking.as_dict(),
        "groups": [list(group) for group in ranking.groups],
        "conclusions": ["The first thing that follows.", "The second thing that follows."],
        "cautions": ["With one fine-tune each (K = 1), the intervals cover prompts, not training luck."],
        "steps": [
            StepResult(
                step="train desk-intents plain",
                title="Train plain on desk-intents",
                kind="train",
                job="j1",
                seconds=61.4,
                planned_seconds=48.0,
                summary={"steps": 24, "eval_loss": 0.3128, "model": "m"},
            ),
            StepResult(
                step="judge",
                title="Judge desk-intents (test)",
                kind="judge",
                job="j2",
                seconds=2.6,
                planned_seconds=2.0,
                summary={
                    "comparisons": 870,
                    "calls": 870,
                    "ties": 171,
                    "failed": 3,
                    "swap_consistency": None,
                },
            ),
        ],
        "seconds": 617.0,
        "machine": "2 cores, 24 GB, no accelerator",
        "versions": {"bakeoff": "0.1.0", "torch": "2.13.0"},
    }
    return StudyResult.model_validate({**values, **other})


def normal() -> StudyResult:
    """A merge is surely ahead, parents were chosen on dev, the sealed task confirms it."""
    strengths = {
        "SLERP of Alder and Birch": 2.2, "TIES of Alder and Birch": 1.0, "Alder 135M": 0.9, "Birch 135M": 0.3,
        "Cedar 135M": 0.2, "untuned:Cedar 135M": -2.4,
    }  # fmt: skip
    kinds: dict[str, Kind] = {
        name: "merge" if " of " in name else "reference" if ":" in name else "base" for name in strengths
    }
    bases = {name: value for name, value in strengths.items() if kinds[name] == "base"}
    merges = {name: value for name, value in strengths.items() if kinds[name] == "merge"}
    sealed = drawn({"SLERP of Alder and Birch": 1.4, "Cedar 135M": 0.0}, [SEALED], 60, seed=5)
    ahead, behind = sealed.contestants
    assert ahead.rating is not None
    assert behind.rating is not None
    return study(
        strengths, kinds, plain="Cedar 135M", winner="SLERP of Alder and Birch", prompts=60, seed=3,
        parents=["Alder 135M", "Birch 135M"],
        conclusions=[
            "SLERP of Alder and Birch is the best on average over 2 tasks, ahead of everybody else at 95%.",
            "It beats the plain base Cedar 135M, and the sealed task agrees.",
        ],
        choices=[
            Choice(
                what="Parents", chosen=["Alder 135M", "Birch 135M"],
                sentence="The two best bases on 12 dev prompts per task.",
                ranking=drawn(bases, TASKS, 12, seed=8).as_dict(),
            ),
            Choice(
                what="Best merge", chosen=["SLERP of Alder and Birch"], sentence="The better merge on dev.",
                ranking=drawn(merges, TASKS, 12, seed=9).as_dict(),
            ),
        ],
        validation=Validation(
            dataset=SEALED, first="SLERP of Alder and Birch", second="Cedar 135M",
            difference=ahead.rating - behind.rating, lo=0.61, hi=2.02, verdict="holds",
            sentence="On the sealed task the winner is surely better than the plain base.",
            ranking=sealed.as_dict(),
            task=task_result(
                SEALED, {"SLERP of Alder and Birch": 0.871, "Cedar 135M": 0.702}, prompts=60, sealed=True,
                metric="json_fields", metric_title="JSON field accuracy", few_shot=0.411, untuned=0.09,
            ),
        ),
    )  # fmt: skip


def no_merge_wins() -> StudyResult:
    """A base leads; the runner-up meets it on the sealed task, and nothing is settled there."""
    strengths = {"Plain 135M": 1.5, "Other 135M": 0.4, "TIES merge": -0.8}
    kinds: dict[str, Kind] = {"Plain 135M": "base", "Other 135M": "base", "TIES merge": "merge"}
    sealed = drawn({"Plain 135M": 0.1, "Other 135M": 0.0}, [SEALED], 20, seed=1)
    return study(
        strengths, kinds, plain="Plain 135M", winner="Plain 135M", parents=["Plain 135M", "Other 135M"],
        conclusions=["No merge wins: the plain base Plain 135M is first."],
        validation=Validation(
            dataset=SEALED, first="Plain 135M", second="Other 135M", difference=0.12, lo=-0.7, hi=0.95,
            verdict="not separable", sentence="The sealed task does not tell them apart.",
            ranking=sealed.as_dict(),
            task=task_result(SEALED, {"Plain 135M": 0.5, "Other 135M": 0.48}, prompts=20, sealed=True),
        ),
    )  # fmt: skip


def nothing_separable() -> StudyResult:
    """Three equals on eight prompts, none above the floor."""
    strengths = {"One": 0.0, "Two": 0.0, "Three": 0.0}
    result = study(
        strengths, dict.fromkeys(strengths, "base"), plain="One", winner="Two", prompts=8, seed=2,
        conclusions=["Nothing can be told apart."], judge="openai:gpt-4-turbo", cost_usd=1.8312,
    )  # fmt: skip
    result.tasks[0] = task_result(
        TASKS[0],
        {"One": 0.1, "Two": 0.125, "Three": 0.1},
        floor=0.148,
        floor_answer="renew_card",
        untuned=0.0,
    )
    assert result.groups == [[row["name"] for row in result.ranking["contestants"]]]
    return result


def unbounded() -> StudyResult:
    """One never lost, one never won, one was not in every task; the sealed task has no finite difference."""
    rows = [
        Verdict(a, b, winner, prompt_id=str(number), task=task)
        for task in TASKS
        for number in range(12)
        for a, b, winner in (
            ("Champion", "Middle", "a"),
            ("Champion", "Center", "a"),
            ("Middle", "Center", "a" if number % 3 else "b"),
            ("Middle", "Bottom", "a"),
            ("Center", "Bottom", "a"),
        )
    ]
    rows += [Verdict("Guest", "Middle", "tie", prompt_id=str(number), task=TASKS[0]) for number in range(12)]
    ranking = rank(VerdictTable.from_rows(rows))
    names = ["Champion", "Middle", "Center", "Bottom", "Guest"]
    result = study(dict.fromkeys(names, 0.0), dict.fromkeys(names, "base"), plain="Middle", winner="Champion")
    result.ranking = ranking.as_dict()
    result.groups = [list(group) for group in ranking.groups]
    result.tasks = [
        task_result(task, {name: 0.5 for name in names if name != "Guest" or task == TASKS[0]})
        for task in TASKS
    ]
    for task in result.tasks:
        for figures in task.figures:
            figures.contestant = figures.entrant
    alone = rank(
        VerdictTable.from_rows(
            [Verdict("Champion", "Middle", "a", prompt_id=str(n), task=SEALED) for n in range(9)]
        )
    )
    result.validation = Validation(
        dataset=SEALED, first="Champion", second="Middle", difference=None, lo=0.83, hi=None, verdict="holds",
        sentence="Champion won every comparison.", ranking=alone.as_dict(),
        task=task_result(SEALED, {"Champion": 1.0, "Middle": 0.0}, prompts=9, sealed=True),
    )  # fmt: skip
    return result


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "Größenwahn für Öl & Äpfel ß",
    "日本語モデル",
    "\x1b[31mred\x00\u202egnp.exe",
    "{{ 7 * 7 }} $x^2$ %s",
)


def hostile() -> StudyResult:
    """Names that try to be markup, a template, a formula or an escape sequence."""
    strengths = {name: 0.5 * place for place, name in enumerate(HOSTILE)}
    kinds: dict[str, Kind] = {name: ("base", "merge", "reference")[n % 3] for n, name in enumerate(HOSTILE)}  # type: ignore[misc]
    return study(
        strengths, kinds, plain=HOSTILE[0], winner=HOSTILE[2], parents=[HOSTILE[0], HOSTILE[3]],
        study="<b>Würde</b> & more", about="</style><script src='https://example.com/x.js'></script>",
        conclusions=["</p><script>alert(3)</script>"], cautions=["<!-- <iframe src=//example.com>"],
        machine="<svg onload=alert(4)>", versions={"<i>": "</html>"},
        choices=[
            Choice(
                what="<u>Parents</u>", chosen=[HOSTILE[1]], sentence="]]> &amp; {{ view }}",
                ranking=drawn(dict.fromkeys(HOSTILE[:2], 0.0), TASKS, 6).as_dict(),
            )
        ],
    )  # fmt: skip


def empty() -> StudyResult:
    """Nothing was judged, nobody answered."""
    document = rank(VerdictTable.from_rows([])).as_dict()
    return StudyResult(study="empty", judge="reference", plain="One", entrants=[], tasks=[], ranking=document)


EVERY = (normal, no_merge_wins, nothing_separable, unbounded, hostile, empty)
