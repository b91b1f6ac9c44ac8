"""Votes of people: no names, one order, durable one by one, taken back, gone on with, ranked like any verdict."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.datasets import DatasetStore, ImportOptions, SealedError, import_files
from engine.errors import BakeoffError
from engine.inference.contestants import ContestantError
from engine.inference.outputs import Output, write_outputs
from engine.judging.errors import JudgingError
from engine.judging.ledger import CatalogueLedger
from engine.judging.recorded import recorded_verdicts, verdicts_of
from engine.judging.spec import JudgeSpec
from engine.judging.verdicts import IDENTICAL, Contestant, Prompt, Question, Verdict, is_orderless
from engine.judging.votes import BOTH_BAD, Ballot, Choice, add_votes, open_ballot
from engine.ranking import rank
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewContestant, NewDataset, NewOutputSet, adopt
from engine.workspace.naming import NameTakenError

COUNT = 10
#: On this many prompts Good and Copy answer alike, so that one vote is good for both.
SAME = 4


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ten test prompts; Good's answers say so, Bad's too, Copy's are Good's on the first four."""
    return fill(workspace, tmp_path, COUNT)


def fill(workspace: Workspace, tmp_path: Path, count: int) -> Workspace:
    rows = [{"prompt": f"Name {n}.", "completion": f"it {n}", "split": "test"} for n in range(count)]
    rows += [{"prompt": f"Teach {n}.", "completion": f"taught {n}", "split": "train"} for n in range(4)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_files([file], ImportOptions(name="things"), workspace.datasets / "d1")
    _adopt(
        workspace,
        "import",
        Adoption(datasets=[NewDataset(id="d1", name="things", folder="datasets/d1", manifest={})]),
    )
    for name in ("Good", "Bad", "Copy"):
        answers = []
        for place, example in enumerate(DatasetStore(workspace.datasets / "d1").examples("test")):
            says = "good" if name == "Copy" and place < SAME else name.lower()
            answers.append(Output(example.prompt_id, f"{says} {place}", "stop", 3, 0.1))
        answer(workspace, name, answers)
    return workspace


def answer(workspace: Workspace, name: str, answers: list[Output]) -> None:
    path = workspace.outputs / f"{name}.parquet"
    write_outputs(path, answers, {})
    who = NewContestant(
        id=f"c-{name}", name=name, entrant=f"base of {name}", dataset_id="d1", identity={"n": name}
    )
    outputs = NewOutputSet(
        id=f"o-{name}", contestant_id=who.id, split="test", file=workspace.relative(path), count=len(answers)
    )
    _adopt(workspace, f"generate-{name}", Adoption(contestants=[who], output_sets=[outputs]))


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(workspace.catalogue, job_id=job, kind="test", title=job, study=None, summary={}, what=what)


def ballot(workspace: Workspace, *names: str, voter: str = "", **fields: Any) -> Ballot:
    spec = JudgeSpec(dataset="things", contestants=list(names or ("Good", "Bad")), **fields)
    return open_ballot(workspace, spec, voter=voter)


def stored(workspace: Workspace, judge: str = "human") -> list[Verdict]:
    return CatalogueLedger(workspace.catalogue, "d1", "test").all(judge)


def for_good(open_one: Ballot) -> Choice:
    """Whoever answers with "good" wins."""
    assert open_one.pair is not None
    sides = [text.startswith("good") for text in (open_one.pair.left, open_one.pair.right)]
    return "tie" if sides[0] == sides[1] else "left" if sides[0] else "right"


def vote_all(open_one: Ballot) -> int:
    while open_one.pair is not None:
        open_one.vote(for_good(open_one))
    return open_one.count.votes


def test_votes_are_verdicts_that_rank_like_any_other(filled: Workspace) -> None:
    assert vote_all(ballot(filled)) == COUNT
    table = recorded_verdicts(filled, ["things"], "test", None, by_entrant=False)
    ranking = rank(table)
    assert [(row.name, row.wins, row.losses) for row in ranking.contestants] == [
        ("Good", COUNT, 0),
        ("Bad", 0, COUNT),
    ]
    assert ranking.interval == "cluster"
    kept = stored(filled)
    assert {one.entrant_a for one in kept} == {"base of Good", "base of Bad"}
    assert is_orderless("human")
    assert is_orderless("human:Anna")


def test_a_voter_sees_texts_and_no_names_each_side_about_as_often(filled: Workspace) -> None:
    sides = []
    for seed in range(4):
        one = ballot(filled, seed=seed, voter=f"v{seed}")
        while (pair := one.pair) is not None:
            assert not hasattr(pair, "first")
            assert {"Good", "Bad", "c-Good", "c-Bad"}.isdisjoint(str(pair).split())
            revealed = one.vote("left")
            sides.append(revealed.left)
            assert pair.left.startswith(revealed.left.lower())
    assert 12 <= sides.count("Good") <= 28
    # The verdicts say who stood first.
    assert [one.name_a for one in stored(filled, "human:v0")] == sides[:COUNT]
    assert {one.winner for one in stored(filled, "human:v0")} == {"a"}


def test_the_same_seed_shows_the_same_pairs_on_the_same_sides(filled: Workspace) -> None:
    shown = []
    for voter in ("one", "two"):
        one, pairs = ballot(filled, "Good", "Bad", "Copy", voter=voter, seed=3), []
        while one.pair is not None:
            pairs.append(one.pair)
            one.vote("tie")
        shown.append(pairs)
    assert shown[0] == shown[1]


def test_a_later_ballot_goes_on_and_repeats_nothing(filled: Workspace) -> None:
    first = ballot(filled)
    seen = []
    for _ in range(4):
        assert first.pair is not None
        seen.append(first.pair.prompt.id)
        first.vote(for_good(first))
    # Another seed would show them in another order: what was judged is still not shown.
    second = ballot(filled, seed=1)
    assert second.count.votes == 0
    while second.pair is not None:
        assert second.pair.prompt.id not in seen
        second.vote("tie")
    assert (second.count.votes, second.count.known, second.count.left) == (COUNT - 4, 4, 0)
    assert len(stored(filled)) == COUNT


def test_a_skipped_pair_stores_nothing_and_comes_again_later(filled: Workspace) -> None:
    one = ballot(filled)
    assert one.pair is not None
    skipped = one.pair.prompt.id
    one.skip()
    assert vote_all(one) == COUNT - 1
    assert (one.count.skipped, one.count.left) == (1, 1)
    assert skipped not in {verdict.prompt_id for verdict in stored(filled)}
    again = ballot(filled)
    assert again.pair is not None
    assert again.pair.prompt.id == skipped


def test_undo_goes_back_through_votes_and_skips(filled: Workspace) -> None:
    one = ballot(filled)
    assert one.undo() is False
    first = one.pair
    one.vote("left")
    second = one.pair
    one.skip()
    third = one.pair
    one.vote("tie")
    assert one.undo() is True
    assert (one.pair, one.count.votes, len(stored(filled))) == (third, 1, 1)
    assert one.undo() is True
    assert (one.pair, one.count.skipped) == (second, 0)
    assert one.undo() is True
    assert (one.pair, one.count.votes, stored(filled)) == (first, 0, [])
    assert one.undo() is False
    one.vote("right")
    assert [verdict.winner for verdict in stored(filled)] == ["b"]
    vote_all(one)
    assert len(stored(filled)) == COUNT


def test_identical_answers_are_a_tie_without_a_vote(filled: Workspace) -> None:
    one = ballot(filled, "Good", "Copy")
    assert vote_all(one) == COUNT - SAME
    assert (one.count.identical, one.count.left) == (SAME, 0)
    ties = [verdict for verdict in stored(filled) if verdict.explanation == IDENTICAL]
    assert [verdict.winner for verdict in ties] == ["tie"] * SAME
    again = ballot(filled, "Good", "Copy")
    assert (again.pair, again.count.identical, again.count.known) == (None, SAME, COUNT - SAME)
    assert len(stored(filled)) == COUNT


def test_the_same_two_texts_are_voted_on_once_and_taken_back_together(filled: Workspace) -> None:
    one = ballot(filled, "Good", "Bad", "Copy")
    total = one.count.left + one.count.identical
    assert total == 3 * COUNT
    # Per prompt on which Copy answers as Good does: one vote on Good and Bad is one on Copy and Bad too.
    assert vote_all(one) == 3 * COUNT - 2 * SAME
    assert (one.count.known, one.count.identical, one.count.left) == (SAME, SAME, 0)
    wins = [verdict for verdict in stored(filled) if {verdict.name_a, verdict.name_b} == {"Copy", "Bad"}]
    assert len(wins) == COUNT
    carried = [verdict for verdict in wins if verdict.seconds == 0.0]
    assert {(verdict.name_a if verdict.winner == "a" else verdict.name_b) for verdict in carried} == {"Copy"}
    keys = {verdict.key for verdict in stored(filled)}
    while one.undo():
        pass
    assert {verdict.explanation for verdict in stored(filled)} <= {IDENTICAL}
    assert vote_all(one) == 3 * COUNT - 2 * SAME
    assert {verdict.key for verdict in stored(filled)} == keys


def test_voters_are_kept_apart(filled: Workspace) -> None:
    vote_all(ballot(filled, voter="Anna"))
    assert ballot(filled, voter="Ben").count.left == COUNT
    with pytest.raises(NameTakenError):
        ballot(filled, voter="a:b")


def test_the_most_comparisons_count_earlier_votes_too(filled: Workspace) -> None:
    assert vote_all(ballot(filled, max_comparisons=4)) == 4
    assert ballot(filled, max_comparisons=4).pair is None
    assert vote_all(ballot(filled, max_comparisons=6)) == 2


def test_a_goal_spends_no_votes_on_who_is_out(workspace: Workspace, tmp_path: Path) -> None:
    prompts = 40
    one = ballot(fill(workspace, tmp_path, prompts), "Good", "Bad", "Copy", goal="beat:Good")
    pairs = one.count.left + one.count.identical
    assert pairs == 2 * prompts
    while one.pair is not None:
        loses = any(text.startswith("bad") for text in (one.pair.left, one.pair.right))
        one.vote(for_good(one) if loses else "tie")
    asked = Counter(name for verdict in stored(workspace) for name in (verdict.name_a, verdict.name_b))
    # Bad has lost each time, and is left alone soon; between Good and Copy nothing is decided to the end.
    assert asked["Good"] == asked["Bad"] + asked["Copy"]
    assert asked["Copy"] == prompts
    assert 8 <= asked["Bad"] <= prompts // 2
    assert one.count.votes + one.count.identical + one.count.known < pairs


def test_what_cannot_be_voted_on_is_refused(filled: Workspace) -> None:
    with pytest.raises(ContestantError, match="'Better' has not answered"):
        ballot(filled, "Good", "Better")
    with pytest.raises(JudgingError, match="at least two"):
        ballot(filled, "Good", "Good")
    done = ballot(filled, max_comparisons=1)
    done.vote("left")
    for act in (lambda: done.vote("left"), done.skip):
        with pytest.raises(JudgingError, match="no pair left"):
            act()


def test_a_sealed_dataset_is_refused(filled: Workspace) -> None:
    sealed = NewDataset(id="d2", name="secret", folder="datasets/d1", manifest={}, sealed=True)
    _adopt(filled, "import-2", Adoption(datasets=[sealed]))
    with pytest.raises(SealedError):
        open_ballot(filled, JudgeSpec(dataset="secret", contestants=["Good", "Bad"]))
    with pytest.raises(SealedError):
        add_votes(filled, "secret", [])


def question(workspace: Workspace, place: int, left: str = "yes", right: str = "no") -> Question:
    example = list(DatasetStore(workspace.datasets / "d1").examples("test"))[place]
    prompt = Prompt(example.prompt_id, ({"role": "user", "content": f"Name {place}."},))
    return Question(
        prompt,
        Contestant("chat-1", "Talker", "Talker", {prompt.id: left}),
        Contestant("chat-2", "Other", "Other", {prompt.id: right}),
    )


def test_votes_from_elsewhere_count_once_per_pair_and_may_change(filled: Workspace) -> None:
    one, two = question(filled, 0), question(filled, 1)
    assert add_votes(filled, "things", [(one, "left"), (two, "tie")]) == 2
    # The same again, also seen from the other side, adds nothing.
    assert add_votes(filled, "things", [(one, "left"), (two.swapped(), "tie")]) == 0
    assert add_votes(filled, "things", [(one.swapped(), "right")]) == 0
    assert add_votes(filled, "things", [(one.swapped(), "left")]) == 1
    assert [verdict.winner for verdict in stored(filled)] == ["tie", "a"]
    assert len(verdicts_of(filled, "things", "test", "human")) == 2
    ranking = rank(recorded_verdicts(filled, ["things"], "test", "human", by_entrant=False))
    assert {row.name: (row.wins, row.ties) for row in ranking.contestants} == {
        "Other": (1, 1),
        "Talker": (0, 1),
    }


def test_votes_on_other_prompts_are_refused_and_nothing_is_stored(filled: Workspace) -> None:
    known = question(filled, 0)
    foreign = Question(Prompt("nowhere", ()), known.first, known.second)
    with pytest.raises(BakeoffError, match="neither the test nor the dev split of 'things'"):
        add_votes(filled, "things", [(known, "left"), (foreign, "left")])
    assert stored(filled) == []


def test_two_bad_answers_are_a_tie_that_says_so(filled: Workspace) -> None:
    open_one = ballot(filled)
    open_one.vote("both_bad")
    (vote,) = stored(filled)
    assert (vote.winner, vote.explanation) == ("tie", BOTH_BAD)
    assert (open_one.count.votes, open_one.count.ties) == (1, 1)
    assert open_one.undo()
    assert stored(filled) == []
