"""A conversation as data: what each pane is shown, votes, turns left out, examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.inference.chat import store
from engine.inference.chat.conversation import Answer, Conversation, Pane, Turn
from engine.inference.chat.errors import ChatError
from engine.inference.sampling import Sampling
from engine.workspace import open_workspace


def answer(text: str, prompt_tokens: int = 10, *, stop: str = "stop", **more: str) -> Answer:
    return Answer(
        text=text,
        stop=stop,
        prompt_tokens=prompt_tokens,
        tokens=3,
        first_seconds=0.5,
        seconds=1.5,
        sampling=Sampling(),
        **more,  # type: ignore[arg-type]
    )


#: What is no answer, and how that is said.
UNFIT = [
    (answer("I cannot help with that.", stop="refusal"), "the model refused"),
    (answer("It is", stop="content_filter"), "a filter withheld it"),
    (answer("It is", stop="stopped"), "it was stopped"),
    (answer(" \n", stop="stop"), "it is empty"),
    (answer("", stop="length"), "cut off at the longest length before a word was said"),
]


@pytest.fixture
def talk() -> Conversation:
    """Two panes, three turns; the second pane failed in the second."""
    return Conversation(
        id="x",
        created=1.0,
        panes=[Pane(name="one", kind="local"), Pane(name="two", kind="api")],
        system="Be brief.",
        turns=[
            Turn(prompt="a", answers={0: answer("A0", 10), 1: answer("A1", 12)}, vote=1),
            Turn(prompt="b", answers={0: answer("B0", 40)}),
            Turn(prompt="c", answers={0: answer("C0", 60), 1: answer("C1", 20)}),
        ],
    )


def said(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def test_each_pane_is_shown_its_own_answers(talk: Conversation) -> None:
    assert said(talk.messages(0, 2)) == ["Be brief.", "a", "A0", "b", "B0", "c"]
    assert said(talk.messages(1, 2)) == ["Be brief.", "a", "A1", "c"]


def test_an_example_has_the_system_message_that_was_shown(talk: Conversation) -> None:
    shown = talk.turns[0].answers[1].model_copy(update={"system": "In German."})
    talk.turns[0].answers[1] = shown
    assert said(talk.examples()[0]["messages"]) == ["In German.", "a", "A1"]
    talk.turns[0].answers[1] = shown.model_copy(update={"system": ""})
    assert said(talk.examples()[0]["messages"]) == ["a", "A1"]


def test_turns_that_are_left_out_are_not_shown_and_not_lost(talk: Conversation) -> None:
    talk.leave_out(0, 1)
    assert said(talk.messages(0, 2)) == ["Be brief.", "b", "B0", "c"]
    assert said(talk.messages(1, 2)) == ["Be brief.", "a", "A1", "c"]
    assert len(talk.turns) == 3
    for wrong in (3, -1):
        with pytest.raises(ChatError, match="cannot be left out"):
            talk.leave_out(0, wrong)


def test_about_half_of_what_was_shown_is_proposed_to_be_left_out(talk: Conversation) -> None:
    assert talk.to_leave_out(0) == 1
    talk.turns[1].prompt = "b" * 100
    assert talk.to_leave_out(0) == 2
    talk.leave_out(0, 1)
    assert talk.to_leave_out(0) == 2  # always one more than now
    talk.leave_out(0, 2)
    assert talk.to_leave_out(0) == 2  # nothing is left but the last


def test_votes_name_a_pane_that_answered(talk: Conversation) -> None:
    talk.vote(0)
    assert talk.turns[-1].vote == 0
    talk.vote("tie")
    with pytest.raises(ChatError, match="no answer 3"):
        talk.vote(2)
    talk.turns.append(Turn(prompt="d"))
    with pytest.raises(ChatError, match="no two answers"):
        talk.vote(0)


@pytest.mark.parametrize(("unfit", "why"), UNFIT)
def test_what_is_no_answer_neither_wins_nor_loses(talk: Conversation, unfit: Answer, why: str) -> None:
    assert not unfit.comparable
    last = talk.turns[-1]
    last.answers[1] = unfit
    for choice in (0, 1, "tie"):
        with pytest.raises(ChatError, match=f"no two answers to compare.*answer 2.*{why}"):
            talk.vote(choice)  # type: ignore[arg-type]
    last.answers[2] = answer("C2")
    with pytest.raises(ChatError, match=rf"Answer 2 cannot win: .*{why}") as caught:
        talk.vote(1)
    assert "1, 3, or tie" in caught.value.fix
    assert last.vote is None
    talk.vote(2)
    assert last.vote == 2


@pytest.mark.parametrize(("unfit", "why"), UNFIT)
def test_what_is_no_answer_is_no_example(talk: Conversation, unfit: Answer, why: str) -> None:
    assert (talk.not_in_examples(), talk.not_in_examples(0)) == (0, 0)
    talk.turns[1].answers[0] = unfit
    (whole,) = talk.examples(0)
    assert said(whole["messages"]) == ["Be brief.", "a", "A0", "c", "C0"]
    talk.turns[2].answers[0] = unfit
    (whole,) = talk.examples(0)
    assert said(whole["messages"]) == ["Be brief.", "a", "A0"]
    assert talk.not_in_examples(0) == 2
    talk.turns[0].answers[1] = unfit  # kept from when it could win
    assert (talk.examples(), talk.not_in_examples()) == ([], 1)


def test_a_refusal_is_not_shown_as_if_it_were_an_answer(talk: Conversation) -> None:
    shown = []
    for unfit, _ in UNFIT:
        talk.turns[0].answers[0] = unfit
        shown.append(said(talk.messages(0, 2)))
    without = ["Be brief.", "b", "B0", "c"]
    # What somebody stopped was said nevertheless.
    assert shown == [without, without, ["Be brief.", "a", "It is", "b", "B0", "c"], without, without]


def test_examples_are_what_was_said_or_what_won(talk: Conversation) -> None:
    (whole,) = talk.examples(0)
    assert said(whole["messages"]) == ["Be brief.", "a", "A0", "b", "B0", "c", "C0"]
    talk.leave_out(0, 1)  # what was said before is not changed by it
    talk.leave_out(1, 1)
    assert talk.examples(0) == [whole]
    (won,) = talk.examples()
    assert said(won["messages"]) == ["Be brief.", "a", "A1"]


def test_conversations_are_kept_whole(talk: Conversation, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws")
    store.save(workspace, talk)
    assert store.load(workspace, "x") == talk
    other = store.begin(talk.panes)
    store.save(workspace, other)
    found, damaged = store.saved(workspace)
    assert ([one.id for one in found], damaged) == ([other.id, "x"], [])
    (workspace.conversations / "half.json").write_text('{"id": "half"', encoding="utf-8")
    found, damaged = store.saved(workspace)
    assert (len(found), [Path(one.file or "").name for one in damaged]) == (2, ["half.json"])
    for name, reason in (
        ("half", "cannot be read"),
        ("y", "no conversation 'y'"),
        ("../x", "no conversation"),
    ):
        with pytest.raises(ChatError, match=reason):
            store.load(workspace, name)


@pytest.mark.parametrize("other", ["../../outside", "x"])
def test_a_file_that_names_another_conversation_is_refused(
    talk: Conversation, tmp_path: Path, other: str
) -> None:
    workspace = open_workspace(tmp_path / "ws")
    store.save(workspace, talk)
    content = json.loads((workspace.conversations / "x.json").read_text(encoding="utf-8"))
    (workspace.conversations / "copy.json").write_text(json.dumps(content | {"id": other}), encoding="utf-8")
    with pytest.raises(ChatError, match=f"copy.json says that it is the conversation '{other}'"):
        store.load(workspace, "copy")
    with pytest.raises(ChatError, match="says that"), store.resumed(workspace, "copy"):
        pass
    assert [one.code for one in store.saved(workspace)[1]] == ["chat.renamed"]


def test_an_answer_of_no_pane_is_damage(talk: Conversation, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws")
    talk.turns[0].answers[2] = answer("A2")
    store.save(workspace, talk)
    with pytest.raises(ChatError, match="cannot be read"):
        store.load(workspace, "x")


def test_a_conversation_is_open_once(talk: Conversation, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws")
    store.save(workspace, talk)
    with store.resumed(workspace, "x") as held:
        assert held == talk
        with pytest.raises(ChatError, match="'x' is open in another process"), store.resumed(workspace, "x"):
            pass
        assert store.load(workspace, "x") == talk  # looking is allowed
    with store.resumed(workspace, "x"):
        pass
    with store.begun(workspace, talk.panes) as new:
        store.save(workspace, new)
        with pytest.raises(ChatError, match="is open"), store.resumed(workspace, new.id):
            pass
    with store.resumed(workspace, new.id):
        pass
    before = set(workspace.conversations.iterdir())
    with store.begun(workspace, talk.panes):
        pass
    assert set(workspace.conversations.iterdir()) == before  # nothing was said, and nothing is left of it


def test_answers_kept_before_they_named_their_file_take_it_from_the_pane(
    talk: Conversation, tmp_path: Path
) -> None:
    workspace = open_workspace(tmp_path / "ws")
    talk.panes[0] = Pane(name="one", kind="local", sha256="aa" * 32, quantisation="q8_0")
    talk.turns[2].answers[0] = answer("C0", sha256="bb" * 32, quantisation="q4_0")
    store.save(workspace, talk)
    kept = [turn.answers[0] for turn in store.load(workspace, "x").turns]
    assert [(one.sha256[:2], one.quantisation) for one in kept] == [
        ("aa", "q8_0"),
        ("aa", "q8_0"),
        ("bb", "q4_0"),
    ]
