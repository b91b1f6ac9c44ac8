"""Who is still undecided."""

import math
import random
from dataclasses import replace

from engine.judging.pairs import Goal, PairChooser
from engine.judging.standing import undecided_among
from engine.judging.verdicts import Comparison, Contestant, Question
from tests.engine.judging.arena import contestant, prompts

STRENGTHS = {"A": 1.6, "B": 0.5, "C": 0.0, "D": -0.5, "E": -1.0}


def drawn(question: Question, draw: random.Random) -> Comparison:
    first, second = question.first, question.second
    chance = 1 / (1 + math.exp(STRENGTHS[second.name] - STRENGTHS[first.name]))
    winner = "a" if draw.random() < chance else "b"
    return Comparison(
        question.prompt.id,
        first.id,
        second.id,
        first.name,
        second.name,
        first.name,
        second.name,
        winner,
        True,
    )


def play(goal: str, seed: int) -> tuple[set[str], int]:
    """Judge towards ``goal``; return who is left at the end and how many comparisons it took."""
    contestants: list[Contestant] = [contestant(name, "plain", 150) for name in STRENGTHS]
    rule = undecided_among(contestants)
    chooser = PairChooser(contestants, prompts(150), Goal.parse(goal), undecided=rule, seed=seed)
    draw, so_far = random.Random(seed), []
    while batch := chooser.next_round(so_far):
        so_far += [drawn(question, draw) for question in batch]
    reference = "id-C" if goal.startswith("beat") else None
    return set(rule(so_far, reference)), len(so_far)


def test_the_best_is_found_with_a_part_of_the_comparisons() -> None:
    games = [play("best", seed) for seed in range(12)]
    assert all("id-A" in left for left, _ in games)
    assert sum(left == {"id-A"} for left, _ in games) >= 11
    assert max(used for _, used in games) < 10 * 150 / 2


def test_against_a_reference_the_clear_cases_are_dropped_first() -> None:
    left, used = play("beat:C", 3)
    assert "id-A" not in left
    assert used < 4 * 150


def test_before_anything_is_judged_everybody_is_in() -> None:
    contestants = [contestant(name, "plain", 3) for name in STRENGTHS]
    rule = undecided_among(contestants)
    assert set(rule([], None)) == {one.id for one in contestants}
    assert set(rule([], "id-C")) == {one.id for one in contestants} - {"id-C"}


def test_an_undefeated_contestant_does_not_end_the_search_after_a_few_games() -> None:
    contestants = [contestant(name, "plain", 3) for name in "AB"]
    rule = undecided_among(contestants)
    three = [Comparison(f"p{n}", "id-A", "id-B", "A", "B", "A", "B", "a", True) for n in range(3)]
    assert set(rule(three, None)) == {"id-A", "id-B"}


def test_a_reference_that_beats_everybody_is_done_with_after_a_few_prompts() -> None:
    contestants = [contestant(name, "plain", 150) for name in STRENGTHS]
    rule = undecided_among(contestants)
    chooser = PairChooser(contestants, prompts(150), Goal.parse("beat:A"), undecided=rule)
    so_far: list[Comparison] = []
    while batch := chooser.next_round(so_far):
        certain = [drawn(question, random.Random(0)) for question in batch]
        so_far += [replace(one, winner="a" if one.name_a == "A" else "b") for one in certain]
    # Ten wins against each of the four: 2^-9 < 0.01, however many of them share a prompt.
    assert len(so_far) == 4 * 10
