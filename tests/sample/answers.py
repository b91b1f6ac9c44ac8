"""What everybody answers in the sample workspace: the stronger, the more often as the dataset does."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Final

from engine.datasets import DatasetStore
from engine.datasets.example import Example
from engine.inference.outputs import Output, write_outputs
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewContestant, NewOutputSet, adopt
from engine.workspace.tables import Contestant, OutputSet
from tests.sample.names import LARGE, SEALED, STRENGTHS, TASKS, UNTUNED, contestant
from tests.sample.times import row_time

#: Whom the sealed task is opened for.
FINALISTS: Final = ("alder-birch-slerp", "cedar-360m")

#: Dataset -> entrant -> prompt id -> answer.
Answers = dict[str, dict[str, dict[str, str]]]


def shown(store: DatasetStore) -> list[Example]:
    """The prompts that are judged."""
    return list(store.examples("test"))


def answer_everything(workspace: Workspace, datasets: dict[str, DatasetStore]) -> Answers:
    """Let everybody answer."""
    found: Answers = {}
    for task in (*TASKS, SEALED):
        examples = shown(datasets[task])
        labels = sorted({example.answer_text for example in datasets[task].examples("train")})
        entrants = FINALISTS if task == SEALED else tuple(STRENGTHS)
        found[task] = {}
        for entrant in entrants:
            given = {one.prompt_id: _answer(entrant, task, one, labels) for one in examples}
            found[task][entrant] = given
            _keep(workspace, entrant, task, given)
    return found


def _keep(workspace: Workspace, entrant: str, task: str, given: dict[str, str]) -> None:
    draw = random.Random(f"{entrant} on {task}")
    name = contestant(entrant, task)
    number = f"{task}.{entrant.replace(':', '-')}"
    outputs = [
        Output(
            prompt,
            text,
            "length" if entrant == UNTUNED and len(text) > 150 else "stop",
            max(2, len(text) // 4),
            round(0.4 + draw.random(), 2),
            0.0004 if entrant == LARGE else 0.0,
        )
        for prompt, text in given.items()
    ]
    file = workspace.outputs / f"{number}.parquet"
    write_outputs(file, outputs, {})
    who = NewContestant(
        id=number, name=name, entrant=entrant, dataset_id=f"{task}-1", identity={"answers": name}
    )
    what = NewOutputSet(id=number, contestant_id=number, file=workspace.relative(file), count=len(outputs))
    adopt(
        workspace.catalogue,
        job_id=f"answer-{number}",
        kind="generate",
        title=f"Answer {task}",
        study=None,
        summary={},
        what=Adoption(contestants=[who], output_sets=[what]),
    )
    with workspace.catalogue.writing() as rows:
        rows.get_one(Contestant, number).created_at = row_time(120)
        rows.get_one(OutputSet, number).created_at = row_time(120)


def _answer(entrant: str, task: str, example: Example, labels: Sequence[str]) -> str:
    """An answer: the expected one, or one with a mistake of the kind that such a model makes."""
    draw = random.Random(f"{entrant} {example.prompt_id}")
    hard = random.Random(example.prompt_id).random()  # the same for everybody
    right = draw.random() < STRENGTHS[entrant] + 0.25 * (0.5 - hard)
    expected = example.answer_text
    asked = str(example.prompt[-1].content)
    if task == "library-intents":
        if right:
            return f"The intent is: {expected}." if entrant == UNTUNED else expected
        if entrant == UNTUNED:
            return (
                f"You are asking about this: {asked} Please tell me more about what you need, and I can help."
            )
        return draw.choice([one for one in labels if one != expected])
    if task == "note-summaries":
        return expected if right and draw.random() < 0.35 else _summary(draw, asked, expected, right=right)
    if right:
        return expected
    if entrant == UNTUNED:
        return f"Here is the information: {asked}"
    fields = json.loads(expected)
    wrong = draw.choice([key for key in fields if key != "kind"])
    words = str(fields[wrong] or "").split()
    fields[wrong] = " ".join(words[:-1]) if len(words) > 1 and draw.random() < 0.5 else None
    return json.dumps(fields, ensure_ascii=False)


def _summary(draw: random.Random, asked: str, expected: str, *, right: bool) -> str:
    """A summary in other words, or one that misses what was decided."""
    sentences = [one.strip() for one in asked.replace("!", ".").split(".") if one.strip()]
    if not right:
        return f"{draw.choice(sentences[: max(1, len(sentences) // 2)])}."
    opening = draw.choice(("In short: ", "The note says that ", "It was settled: "))
    return f"{opening}{expected[:1].lower()}{expected[1:]}"
