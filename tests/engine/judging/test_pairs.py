"""Dealing out pairs."""

from collections import Counter
from collections.abc import Sequence

import pytest

from engine.judging.errors import JudgingError
from engine.judging.pairs import Goal, PairChooser, missing_answers
from engine.judging.verdicts import Comparison, Contestant, Question
from tests.engine.judging.arena import contestant, field, prompts


def everybody(_so_far: Sequence[Comparison], _reference: str | None) -> set[str]:
    return {f"id-{name}" for name in ("Quokka", "Zebra", "Aardvark", "Mongoose", *"ABCDEFG")}


def chooser(contestants: Sequence[Contestant], count: int, goal: str = "ranking", **options) -> PairChooser:
    options.setdefault("undecided", everybody)
    return PairChooser(contestants, prompts(count), Goal.parse(goal), **options)


def dealt(one: PairChooser) -> list[Question]:
    questions = []
    while batch := one.next_round([]):
        questions += batch
    return questions


def pair_of(question: Question) -> tuple[str, str]:
    return question.first.id, question.second.id


def test_every_pair_meets_on_every_prompt_once() -> None:
    questions = dealt(chooser(field(7), 7))
    assert (
        len({(question.prompt.id, *pair_of(question)) for question in questions}) == len(questions) == 6 * 7
    )
    assert all(first < second for first, second in map(pair_of, questions))


@pytest.mark.parametrize("most", range(1, 60, 7))
def test_any_beginning_is_balanced_over_pairs_contestants_and_prompts(most: int) -> None:
    contestants = [contestant(name, "plain", 30) for name in "ABCDEFG"]
    questions = dealt(chooser(contestants, 30, max_comparisons=most, seed=most))
    assert len(questions) == most
    pairs = Counter(map(pair_of, questions))
    assert max(pairs.values()) - (min(pairs.values()) if len(pairs) == 21 else 0) <= 1
    played = Counter(who for question in questions for who in pair_of(question))
    assert max(played.values()) - min(played[f"id-{name}"] for name in "ABCDEFG") <= 2
    per_prompt = Counter(question.prompt.id for question in questions)
    assert max(per_prompt.values()) <= most // 30 + 2


def test_the_first_comparisons_connect_everybody() -> None:
    contestants = [contestant(name, "plain", 5) for name in "ABCDEFG"]
    joined = {pair[0]: {pair[0]} for pair in (("id-A",),)}
    reached = joined["id-A"]
    first = [pair_of(question) for question in dealt(chooser(contestants, 5, max_comparisons=7))]
    for _ in first:
        for one, other in first:
            if reached & {one, other}:
                reached |= {one, other}
    assert len(reached) == 7


def test_the_seed_and_nothing_else_decides_the_order() -> None:
    def order(contestants: Sequence[Contestant], seed: int) -> list[tuple[str, ...]]:
        return [
            (question.prompt.id, *pair_of(question)) for question in dealt(chooser(contestants, 9, seed=seed))
        ]

    assert order(field(9), 1) == order(field(9)[::-1], 1)
    assert order(field(9), 1) != order(field(9), 2)


def test_a_prompt_without_an_answer_is_left_out_and_told() -> None:
    full, gaps = contestant("A", "plain", 6), contestant("B", "plain", 4)
    questions = dealt(chooser([full, gaps], 6))
    assert {question.prompt.id for question in questions} == {f"p{number:03}" for number in range(4)}
    assert missing_answers([full, gaps], prompts(6)) == {"B": 2}


def test_against_a_reference_only_its_pairs_are_dealt() -> None:
    questions = dealt(chooser(field(6), 6, "beat:Zebra"))
    assert len(questions) == 3 * 6
    assert all("id-Zebra" in pair_of(question) for question in questions)


def test_the_goals_drop_what_is_decided() -> None:
    def two_left(_so_far: object, reference: str | None) -> set[str]:
        return {"id-Zebra", "id-Quokka"} - {reference}

    best = chooser(field(20), 20, "best", undecided=two_left)
    assert {pair_of(question) for question in best.next_round([])} == {
        pair_of(q) for q in dealt(chooser(field(1), 1))
    }
    assert {pair_of(question) for question in best.next_round([])} == {("id-Quokka", "id-Zebra")}
    beat = chooser(field(20), 20, "beat:Zebra", undecided=two_left)
    beat.next_round([])
    assert {pair_of(question) for question in beat.next_round([])} == {("id-Quokka", "id-Zebra")}
    won = chooser(field(20), 20, "best", undecided=lambda *_: {"id-Zebra"})
    won.next_round([])
    assert won.next_round([]) == []
    assert not won.limited


def test_a_limit_is_told_from_an_end() -> None:
    limited, whole = chooser(field(3), 3, max_comparisons=5), chooser(field(3), 3, max_comparisons=18)
    assert (len(dealt(limited)), limited.limited, limited.total) == (5, True, 5)
    assert (len(dealt(whole)), whole.limited, whole.total) == (18, False, 18)


@pytest.mark.parametrize(
    ("goal", "kind", "reference"),
    [("ranking", "ranking", None), ("best", "best", None), ("beat:x:y", "beat", "x:y")],
)
def test_goals_are_read(goal: str, kind: str, reference: str | None) -> None:
    assert (Goal.parse(goal).kind, Goal.parse(goal).reference) == (kind, reference)


@pytest.mark.parametrize("goal", ["", "beat", "beat:", "winner", "best:x", "BEST"])
def test_another_goal_is_refused(goal: str) -> None:
    with pytest.raises(JudgingError, match="is no goal"):
        Goal.parse(goal)


def test_what_cannot_be_judged_is_refused_in_words() -> None:
    with pytest.raises(JudgingError, match="at least two"):
        chooser(field(3)[:1], 3)
    with pytest.raises(JudgingError, match="'Quokka' is named twice"):
        chooser([field(3)[0], field(3)[0]], 3)
    with pytest.raises(JudgingError, match="'Nobody' is not among"):
        chooser(field(3), 3, "beat:Nobody")
    with pytest.raises(JudgingError, match="no prompt that two"):
        chooser(field(0), 3)
    with pytest.raises(JudgingError, match="no prompt that two"):
        chooser(field(3), 0)


def test_runs_of_one_entrant_are_left_out_when_asked() -> None:
    from dataclasses import replace

    twins = [replace(one, entrant="same") if one.name in ("Quokka", "Zebra") else one for one in field(4)]
    everything = {pair_of(question) for question in dealt(chooser(twins, 4))}
    across = {pair_of(question) for question in dealt(chooser(twins, 4, across_entrants=True))}
    assert everything - across == {("id-Quokka", "id-Zebra")}
