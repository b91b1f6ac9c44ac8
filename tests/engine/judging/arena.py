"""What the tests of judging share: contestants whose answers carry marks, prompts, a ledger in memory."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import RetryPolicy
from engine.judging.judge import JudgingResult, judge_pairs
from engine.judging.model_judge import ModelJudge, endpoint_judge
from engine.judging.pairs import Goal, PairChooser
from engine.judging.standing import undecided_among
from engine.judging.verdicts import Contestant, Prompt, Verdict
from tests.fake_openai import FakeOpenAI

KEY = "sk-test-0123456789abcdef"
#: Marks by which the fake server knows how good an answer is, best first.
MARKS = {"splendid": 3.0, "decent": 1.5, "plain": 0.0, "poor": -1.5}


class MemoryLedger:
    """Keeps verdicts for the length of a test."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.commits = 0
        self._lock = Lock()

    def find(self, key: str) -> list[Verdict]:
        with self._lock:
            return [verdict for verdict in self.verdicts if verdict.key == key]

    def add(self, verdicts: Sequence[Verdict]) -> None:
        with self._lock:
            self.commits += 1
            self.verdicts.extend(verdicts)


def prompts(count: int) -> list[Prompt]:
    return [
        Prompt(
            f"p{number:03}", ({"role": "user", "content": f"Describe thing {number}."},), f"Thing {number}."
        )
        for number in range(count)
    ]


def contestant(name: str, mark: str, count: int) -> Contestant:
    answers = {f"p{number:03}": f"This is a {mark} description of thing {number}." for number in range(count)}
    return Contestant(f"id-{name}", name, f"entrant-{name}", answers)


def field(count: int) -> list[Contestant]:
    """One contestant per mark, named so that names and quality have nothing in common."""
    names = ("Quokka", "Zebra", "Aardvark", "Mongoose")
    return [contestant(name, mark, count) for name, mark in zip(names, MARKS, strict=True)]


def endpoint(server: FakeOpenAI, **options: Any) -> Endpoint:
    return Endpoint(
        "openai",
        server.base_url,
        options.pop("key", KEY),
        **{"retries": RetryPolicy(first_wait=0.01), "timeout": 5.0, **options},
    )


def judge_of(server: FakeOpenAI, *, model: str = "gpt-4o", **options: Any) -> ModelJudge:
    return endpoint_judge(endpoint(server, **options), model, max_tokens=200)


def judged(
    judge: Any,
    contestants: Sequence[Contestant],
    asked: Sequence[Prompt],
    ledger: Any = None,
    *,
    goal: str = "ranking",
    most: int | None = None,
    seed: int = 0,
    **options: Any,
) -> JudgingResult:
    chooser = PairChooser(
        contestants,
        asked,
        Goal.parse(goal),
        undecided=undecided_among(contestants),
        max_comparisons=most,
        seed=seed,
        everything=judge.exhaustive,
    )
    return judge_pairs(chooser, judge, ledger if ledger is not None else MemoryLedger(), **options)
