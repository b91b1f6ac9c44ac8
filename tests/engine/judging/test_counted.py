"""What verdicts come to: read in pieces as in one go, whatever happens between two readings."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

import engine.judging.counted as module
from engine.inference.outputs import Output
from engine.judging.counted import Tally
from engine.judging.grid import Grid, read_grid
from engine.judging.ledger import CatalogueLedger
from engine.judging.verdicts import Verdict, Winner
from engine.workspace import Workspace
from tests.answered import NAMES, answer, fill, prompts, said

WINNERS: tuple[Winner | None, ...] = ("a", "b", "tie", None)


@pytest.fixture
def ledger(workspace: Workspace, tmp_path: Path) -> CatalogueLedger:
    fill(workspace, tmp_path)
    return CatalogueLedger(workspace.catalogue, "d1", "test")


def equal(one: Grid, other: Grid) -> bool:
    outcomes = [
        {prompt: list(made) for prompt, made in grid.outcomes.items() if made} for grid in (one, other)
    ]
    return outcomes[0] == outcomes[1] and one.answerers == other.answerers and one.judges == other.judges


def random_verdict(generator: random.Random, prompt_ids: list[str], judge: str) -> Verdict:
    first, second = generator.sample(NAMES, 2)
    return said(generator.choice(prompt_ids), first, second, generator.choice(WINNERS), judge=judge)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_in_pieces_is_what_is_read_in_one_go(
    workspace: Workspace, ledger: CatalogueLedger, seed: int
) -> None:
    generator = random.Random(seed)
    ids = prompts(workspace)
    grid = read_grid(workspace, "things", "test", "lab:judge")
    for step in range(40):
        verdicts = [
            random_verdict(generator, ids, generator.choice(("lab:judge", "human")))
            for _ in range(generator.randrange(1, 6))
        ]
        if step == 30:  # from now on, it is asked in other words
            verdicts = [replace(one, judge_prompt_sha256="q") for one in verdicts]
        if step % 10 == 9:  # somebody takes a vote back
            ledger.revise("human", [one.key for one in verdicts], verdicts[:1])
        elif step == 20:  # there is more to judge
            answer(workspace, "Late", [Output(one, "it is late", "stop", 3, 0.1) for one in ids[:3]])
        else:
            ledger.add(verdicts)
        judge = generator.choice(("lab:judge", "lab:judge", "human"))
        grid = read_grid(workspace, "things", "test", judge, before=grid)
        assert equal(grid, read_grid(workspace, "things", "test", judge))


def test_only_prompts_with_something_new_are_read(
    workspace: Workspace, ledger: CatalogueLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = prompts(workspace)[:2]
    ledger.add([said(prompt, "Good", "Bad", "a", judge="reference") for prompt in (first, second)])
    grid = read_grid(workspace, "things", "test")
    read: list[set[str] | None] = []
    verdicts_of = module.verdicts_of

    def noted(*words: object) -> list[Verdict]:
        read.append(words[4] if len(words) > 4 else None)  # type: ignore[arg-type]
        return verdicts_of(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "verdicts_of", noted)
    ledger.add([said(second, "Good", "Copy", "b", judge="reference")])
    grid = read_grid(workspace, "things", "test", before=grid)
    assert read == [{second}]
    assert grid.tally(second, "c-Good") == Tally(wins=1, losses=1)
    assert {one.name: one.tally.count for one in grid.answerers} == {"Good": 3, "Bad": 2, "Copy": 1}
    monkeypatch.setattr(module, "_FEW", 0)
    ledger.add([said(first, "Good", "Copy", "b", judge="reference")])
    read_grid(workspace, "things", "test", before=grid)
    assert read == [{second}, None]
