"""What the judge and a voter say of the answers in the sample workspace, in both orders and in the judge's words."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from engine.datasets import DatasetStore
from engine.datasets.example import Example
from engine.judging.ledger import CatalogueLedger
from engine.judging.prepare import HUMAN
from engine.judging.verdicts import IDENTICAL, Verdict, Winner
from engine.metrics import Metric
from engine.workspace import Workspace
from tests.sample.answers import Answers, shown
from tests.sample.metrics import METRICS, metric_of
from tests.sample.names import JUDGE, STRENGTHS, contestant

#: Better by so much of the metric, and the better one surely wins.
_CLEAR: Final = 0.3
#: Of so many prompts of each open task a voter has seen the pairs of the first four entrants.
_VOTED: Final = 4

_WORDS: Final = {
    "label": (
        "{better} names the intent that the message is about; {worse} names another one.",
        "The visitor's wish is read rightly by {better} only.",
        "{worse} picks an intent that nothing in the message asks for, so {better} is of more use.",
    ),
    "json_fields": (
        "{better} keeps every field as it was written; {worse} leaves one out.",
        "Both are valid JSON, but {worse} shortens a value that should be copied word for word.",
        "{better} has all facts of the request, {worse} does not.",
    ),
    "rouge_l": (
        "{better} tells what was decided and what follows; {worse} only how it began.",
        "Both are one sentence, and {better} leaves out nothing that matters.",
        "{worse} repeats the opening of the note, so {better} is the better summary.",
    ),
}
_EVEN: Final = (
    "Both answers say the same in other words.",
    "Neither is better: each misses one thing.",
    "I see no difference that would matter to a reader.",
)


def judge_everything(workspace: Workspace, datasets: dict[str, DatasetStore], answers: Answers) -> None:
    """Let the judge compare everybody on each task, and a voter some of them."""
    for task, given in answers.items():
        ledger = CatalogueLedger(workspace.catalogue, f"{task}-1", "test")
        examples = shown(datasets[task])
        ledger.add([one for example in examples for one in _judged(task, given, example)])
        if len(given) > 2:
            ledger.add([one for example in examples[:_VOTED] for one in _voted(task, given, example)])


def _judged(task: str, given: dict[str, dict[str, str]], example: Example) -> Iterator[Verdict]:
    metric = metric_of(task)
    for one, other in combinations(given, 2):
        draw = random.Random(f"{task} {one} {other} {example.prompt_id}")
        winner = _better(draw, metric, given, one, other, example)
        # One in fourteen pairs is decided by the place on the page.
        swayed = draw.random() < 0.07
        for first, second in ((one, other), (other, one)):
            said: Winner = "tie" if not winner else "a" if swayed or winner == first else "b"
            same = given[one][example.prompt_id].strip() == given[other][example.prompt_id].strip()
            yield _verdict(
                task,
                example,
                first,
                second,
                JUDGE,
                "tie" if same else said,
                IDENTICAL if same else _explanation(draw, METRICS[task], said),
            )


def _voted(task: str, given: dict[str, dict[str, str]], example: Example) -> Iterator[Verdict]:
    metric = metric_of(task)
    for one, other in combinations(list(given)[:4], 2):
        if given[one][example.prompt_id].strip() == given[other][example.prompt_id].strip():
            continue
        draw = random.Random(f"{task} {one} {other} {example.prompt_id}")
        winner = _better(draw, metric, given, one, other, example)
        if draw.random() < 0.2:  # people see it otherwise now and then
            winner = draw.choice(("", one, other))
        said: Winner = "tie" if not winner else "a" if winner == one else "b"
        yield _verdict(task, example, one, other, HUMAN, said, "")


def _better(
    draw: random.Random,
    metric: Metric,
    given: dict[str, dict[str, str]],
    one: str,
    other: str,
    example: Example,
) -> str:
    """Who is better; nobody where it is even."""
    texts = [given[who][example.prompt_id] for who in (one, other)]
    difference = metric.score(example.answer_text, texts[0]) - metric.score(example.answer_text, texts[1])
    if abs(difference) > _CLEAR:
        return one if difference > 0 else other
    if draw.random() < 0.28:
        return ""
    lead = STRENGTHS[one] - STRENGTHS[other] + difference
    return one if draw.random() < 0.5 + 1.7 * lead else other


def _explanation(draw: random.Random, metric: str, said: Winner) -> str:
    if said == "tie":
        return draw.choice(_EVEN)
    better, worse = ("A", "B") if said == "a" else ("B", "A")
    return draw.choice(_WORDS[metric]).format(better=better, worse=worse)


def _verdict(
    task: str, example: Example, first: str, second: str, judge: str, winner: Winner, explanation: str
) -> Verdict:
    key = hashlib.sha256(f"{task} {judge} {example.prompt_id} {first} {second}".encode()).hexdigest()
    paid = judge == JUDGE and explanation != IDENTICAL
    return Verdict(
        key=key,
        prompt_id=example.prompt_id,
        contestant_a=f"{task}.{first.replace(':', '-')}",
        contestant_b=f"{task}.{second.replace(':', '-')}",
        name_a=contestant(first, task),
        name_b=contestant(second, task),
        entrant_a=first,
        entrant_b=second,
        judge=judge,
        judge_prompt_sha256="pairwise",
        state="ok",
        winner=winner,
        explanation=explanation,
        input_tokens=420 if paid else 0,
        output_tokens=38 if paid else 0,
        cost_usd=0.0011 if paid else 0.0,
        seconds=1.4,
    )
