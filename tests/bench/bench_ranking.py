"""Ranking against its peers: `python -m tests.bench.bench_ranking`.

Every measurement runs in a process of its own, so that peak memory and imports are its own; the
peers get the same verdicts as arrays of codes, and only have to find the ratings.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CONTESTANTS = 20


def simulate(verdicts: int, prompts: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Verdicts of 20 contestants with prompt effects: a, b, outcome (1, 0, -1), prompt."""
    generator = np.random.default_rng(seed)
    a = generator.integers(0, CONTESTANTS, verdicts)
    b = (a + generator.integers(1, CONTESTANTS, verdicts)) % CONTESTANTS
    # The order of showing is fixed for a pair, so that nothing is combined and peers see the same.
    a, b = np.minimum(a, b), np.maximum(a, b)
    prompt = generator.integers(0, prompts, verdicts)
    strength = np.linspace(1.5, -1.5, CONTESTANTS) + generator.normal(0, 0.7, (prompts, CONTESTANTS))
    chance = 1.0 / (1.0 + np.exp(strength[prompt, b] - strength[prompt, a]))
    outcome = np.where(generator.random(verdicts) < chance, 1, -1)
    outcome[generator.random(verdicts) < 0.15] = 0
    return a, b, outcome, prompt


def write(path: Path, verdicts: int, prompts: int) -> None:
    """The same verdicts as a file."""
    words = {1: "a", 0: "tie", -1: "b"}
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["a", "b", "winner", "prompt_id"])
        for a, b, outcome, prompt in zip(*(c.tolist() for c in simulate(verdicts, prompts)), strict=True):
            writer.writerow(
                [f"contestant-{a:02d}", f"contestant-{b:02d}", words[outcome], f"prompt-{prompt}"]
            )


def bakeoff(path: Path, verdicts: int, prompts: int) -> dict[str, float]:
    """Read the file, fit, and compute clustered intervals and rank ranges."""
    from engine.ranking import rank, read_verdicts
    from engine.ranking.bradley_terry import maximum_likelihood
    from engine.ranking.comparisons import comparisons_by_task

    read = timed(lambda: read_verdicts(path))
    table = read_verdicts(path)
    # The first call pays for imports inside libraries; what a window repeats is the second.
    rank(table)
    fitted = timed(lambda: rank(table))
    data = comparisons_by_task(table)[0][None]
    ratings = timed(lambda: maximum_likelihood(data.win_matrix()))
    rating = {row.name: row.rating for row in rank(table).contestants}
    return {"read": read, "ratings": ratings, "all": fitted, "first": rating["contestant-00"] or 0.0}


def choix_peer(path: Path, verdicts: int, prompts: int) -> dict[str, float]:
    """choix: ratings only; it knows no ties, so each verdict goes in as two half comparisons."""
    import choix

    a, b, outcome, _ = simulate(verdicts, prompts)

    def fit() -> np.ndarray:
        wins = np.zeros((CONTESTANTS, CONTESTANTS))
        np.add.at(wins, (a, b), (outcome + 1) / 2)
        np.add.at(wins, (b, a), (1 - outcome) / 2)
        return choix.ilsr_pairwise_dense(wins, tol=1e-10)

    return {"ratings": timed(fit), "first": float(fit()[0])}


def evalica_peer(path: Path, verdicts: int, prompts: int) -> dict[str, float]:
    """evalica: ratings only, from lists of names as its interface asks for."""
    import evalica

    a, b, outcome, _ = simulate(verdicts, prompts)
    names = [f"contestant-{i:02d}" for i in range(CONTESTANTS)]
    left, right = [names[i] for i in a], [names[i] for i in b]
    kinds = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}
    winners = [kinds[int(o)] for o in outcome]

    def fit() -> float:
        scores = evalica.bradley_terry(left, right, winners, tolerance=1e-10, limit=10_000).scores
        logs = np.log(scores)
        return float((logs - logs.mean())["contestant-00"])

    return {"ratings": timed(fit), "first": fit()}


def timed(action: Callable[[], object]) -> float:
    """Best wall time of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


PEERS = {"bakeoff": bakeoff, "choix": choix_peer, "evalica": evalica_peer}


def main() -> None:
    """Run everything and print a table."""
    heads = ("verdicts", 10), ("read s", 9), ("ratings ms", 12), ("all ms", 9), ("CPU s", 8), ("peak MB", 9)
    print(" " * 10 + "".join(f"{text:>{width}}" for text, width in heads) + f"{'rating of first':>17}")
    with tempfile.TemporaryDirectory() as folder:
        for verdicts, prompts in ((9_000, 300), (1_000_000, 1_000)):
            path = Path(folder) / f"{verdicts}.csv"
            write(path, verdicts, prompts)
            for name in PEERS:
                command = [sys.executable, "-m", __spec__.name, name, str(path), str(verdicts), str(prompts)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                row = json.loads(done.stdout)
                read = f"{row['read']:.3f}" if "read" in row else "-"
                whole = f"{row['all'] * 1000:.1f}" if "all" in row else "-"
                print(
                    f"{name:10}{verdicts:>10,}{read:>9}{row['ratings'] * 1000:>12.1f}{whole:>9}{row['cpu']:>8.2f}"
                    f"{row['peak']:>9.0f}{row['first']:>17.8f}"
                )
    print("ratings: from arrays of codes (evalica: of names); all: with clustered intervals and rank ranges.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        peer, file, n_verdicts, n_prompts = sys.argv[1:]
        before = time.process_time()
        result = PEERS[peer](Path(file), int(n_verdicts), int(n_prompts))
        result["cpu"] = time.process_time() - before
        result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
    else:
        main()
