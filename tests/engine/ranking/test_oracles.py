"""Ratings agree with other libraries and their published answers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import choix
import evalica
import numpy as np
import pytest

from engine.ranking import Verdict, VerdictTable, rank
from tests.engine.ranking.arena import SHARED, world

ORACLES = SHARED / "oracles" / "judge"
SIDES = {"left": "a", "right": "b", "tie": "tie"}


def ratings(table: VerdictTable) -> dict[str, float]:
    found = {row.name: row.rating for row in rank(table).contestants}
    assert None not in found.values()
    return {name: float(value) for name, value in found.items() if value is not None}


def votes(file: Path, *, prompts: bool = False) -> VerdictTable:
    if not file.exists():
        pytest.skip(f"the public verdicts are not at {file}")
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return VerdictTable.from_rows(
        Verdict(r["left"], r["right"], SIDES[r["winner"]], prompt_id=r["prompt"] if prompts else None)
        for r in rows
    )


@pytest.mark.parametrize("prompts", [False, True])
@pytest.mark.parametrize(
    ("data", "golden"),
    [
        ("llmfao/crowd-comparisons.csv", "evalica/llmfao-golden.csv"),
        ("evalica/food.csv", "evalica/food-golden.csv"),
        ("evalica/simple.csv", "evalica/simple-golden.csv"),
    ],
)
def test_published_scores_of_real_votes(data: str, golden: str, prompts: bool) -> None:
    if prompts and "llmfao" not in data:
        pytest.skip("these small cases name no prompts")
    found = ratings(votes(ORACLES / data, prompts=prompts))
    with (ORACLES / golden).open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["algorithm"] == "bradley_terry"]
    logs = {row["item"]: np.log(float(row["score"])) for row in rows}
    mean = np.mean(list(logs.values()))
    assert len(found) == len(logs) > 3
    for name, value in logs.items():
        assert found[name] == pytest.approx(value - mean, abs=1e-6)


@pytest.mark.parametrize("case", [1, 2])
def test_cases_with_a_known_answer(case: int) -> None:
    file = ORACLES / "choix" / f"testcase-pairwise-{case}.json"
    if not file.exists():
        pytest.skip(f"the cases are not at {file}")
    content = json.loads(file.read_text())
    found = ratings(VerdictTable.from_rows(Verdict(str(i), str(j), "a") for i, j in content["data"]))
    assert [found[str(i)] for i in range(content["n_items"])] == pytest.approx(content["ml_est"], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_choix_and_evalica_on_simulated_verdicts(seed: int) -> None:
    table = world(np.random.default_rng(seed), 12, np.linspace(1, -1, 7), 0.5)
    found = ratings(table)
    mine = np.array([found[name] for name in table.contestants])

    wins = np.zeros((7, 7))
    np.add.at(wins, (table.a, table.b), (table.outcome + 1) / 2)
    np.add.at(wins, (table.b, table.a), (1 - table.outcome) / 2)
    assert mine == pytest.approx(choix.ilsr_pairwise_dense(wins, tol=1e-12), abs=1e-6)

    kinds = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}
    scores = evalica.bradley_terry(
        table.a.tolist(),
        table.b.tolist(),
        [kinds[int(o)] for o in table.outcome],
        tolerance=1e-12,
        limit=100_000,
    ).scores
    logs = np.log(scores).sort_index().to_numpy()
    assert mine == pytest.approx(logs - logs.mean(), abs=1e-6)


def test_clusters_widen_the_errors_of_real_votes() -> None:
    file = ORACLES / "llmfao/crowd-comparisons.csv"
    table = votes(file, prompts=True)

    def widths(interval: str) -> np.ndarray:
        rows = sorted(rank(table, interval=interval).contestants, key=lambda row: row.name)
        return np.array([row.hi - row.lo for row in rows if row.hi is not None and row.lo is not None])

    ratio = np.mean(widths("cluster") / widths("iid"))
    assert 1.6 < ratio < 2.6
