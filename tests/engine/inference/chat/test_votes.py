"""Votes of conversations rank the models that talked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.inference.chat.conversation import Conversation, Pane, Turn
from engine.inference.chat.votes import verdicts, write_verdicts
from engine.ranking import rank, read_verdicts
from tests.engine.inference.chat.test_conversation import UNFIT, answer


def talk(
    name: str, votes: list[int | str | None], *, panes: int = 2, sha256: str = "aa" * 32
) -> Conversation:
    answers = {number: answer("x", sha256=sha256) for number in range(panes)}
    return Conversation(
        id=name,
        created=1.0,
        panes=[Pane(name=f"m{number}", kind="local") for number in range(panes)],
        turns=[Turn(prompt="p", answers=answers, vote=vote) for vote in votes],  # type: ignore[arg-type]
    )


def test_each_pair_that_a_vote_decides_is_a_verdict() -> None:
    rows = verdicts([talk("c", [2, None, "tie"], panes=3)])
    assert [(row["a"], row["b"], row["winner"], row["prompt_id"]) for row in rows] == [
        ("m2", "m0", "a", "c/1"),
        ("m2", "m1", "a", "c/1"),
        ("m0", "m1", "tie", "c/3"),
        ("m0", "m2", "tie", "c/3"),
        ("m1", "m2", "tie", "c/3"),
    ]


def test_another_file_under_a_name_is_another_contestant() -> None:
    rows = verdicts([talk("c", [0]), talk("d", [0], sha256="bb" * 32)])
    assert [row["a"] for row in rows] == ["m0 aaaaaaaa", "m0 bbbbbbbb"]
    assert verdicts([]) == []


def test_votes_stay_with_the_file_that_answered_whatever_the_pane_has_now() -> None:
    one = talk("c", [0, 1])
    one.turns[1] = one.turns[1].model_copy(
        update={
            "answers": {
                0: answer("x", sha256="bb" * 32, quantisation="q4_0"),
                1: one.turns[1].answers[1],
            }
        }
    )
    for sha256 in ("aa" * 32, "bb" * 32):
        one.panes[0] = Pane(name="m0", kind="local", sha256=sha256, quantisation="q4_0")
        assert [(row["a"], row["b"]) for row in verdicts([one])] == [
            ("m0 aaaaaaaa", "m1"),
            ("m1", "m0 q4_0 bbbbbbbb"),
        ]


def test_models_of_an_endpoint_are_told_apart_by_what_it_says_they_are() -> None:
    one = talk("c", [0, 0])
    for turn, snapshot in zip(one.turns, ("gpt-1", "gpt-2"), strict=True):
        turn.answers = {0: answer("x", snapshot=snapshot), 1: answer("y", sha256="cc" * 32)}
    assert [(row["a"], row["b"]) for row in verdicts([one])] == [("m0 gpt-1", "m1"), ("m0 gpt-2", "m1")]


def test_what_is_no_answer_is_in_no_verdict() -> None:
    for unfit, _ in UNFIT:
        one = talk("c", [0, 1, "tie"], panes=3)
        for turn in one.turns:
            turn.answers = {**turn.answers, 1: unfit}
        assert [(row["a"], row["b"], row["prompt_id"]) for row in verdicts([one])] == [
            ("m0", "m2", "c/1"),
            ("m0", "m2", "c/3"),
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_file_of_verdicts_is_whole_or_not_there(tmp_path: Path) -> None:
    import resource

    rows = verdicts([talk(f"c{number}", [0]) for number in range(100)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_verdicts(rows, tmp_path / "votes.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_model_beside_itself_decides_nothing() -> None:
    one = talk("c", [0])
    one.panes[1].name = "m0"
    assert verdicts([one]) == []


def test_the_ranking_reads_them(tmp_path: Path) -> None:
    write_verdicts(verdicts([talk("c", [1, 1, 0, 1, "tie", 1])]), tmp_path / "votes.csv")
    ranking = rank(read_verdicts(tmp_path / "votes.csv"))
    assert [row.name for row in ranking.contestants] == ["m1", "m0"]
    assert ranking.contestants[0].wins == 4


def test_answers_of_another_file_in_one_conversation_are_another_contestants() -> None:
    one = talk("c", [0, 0])
    one.turns[1].answers = {
        pane: said.model_copy(update={"sha256": "bb" * 32}) for pane, said in one.turns[1].answers.items()
    }
    assert [row["a"] for row in verdicts([one])] == ["m0 aaaaaaaa", "m0 bbbbbbbb"]


def test_what_was_refused_stopped_or_left_empty_has_no_verdicts() -> None:
    for change in ({"stop": "content_filter"}, {"stop": "stopped"}, {"text": " "}, {"stop": "refusal"}):
        one = talk("c", [0, "tie"], panes=3)
        for turn in one.turns:
            turn.answers = {**turn.answers, 1: turn.answers[1].model_copy(update=change)}
        assert [(row["a"], row["b"]) for row in verdicts([one])] == [("m0", "m2"), ("m0", "m2")]
        one.turns[0].vote = 1
        assert [row["prompt_id"] for row in verdicts([one])] == ["c/2"]
