"""A conversation as data: what each pane is shown, votes, turns left out, examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.inference.chat import store
from engine.inference.chat.conversation import Answer, Conversation, Pane, Turn
from engine.inference.chat.errors import ChatError
from engine.inference.sampling import Sampling
from engine.workspace import open_workspace


def answer(text: str, prompt_tokens: int = 10) -> Answer:
    return Answer(
        text=text,
        stop="stop",
        prompt_tokens=prompt_tokens,
        tokens=3,
        first_seconds=0.5,
        seconds=1.5,
        sampling=Sampling(),
    )


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


def test_answers_that_are_none_cannot_be_voted_for(talk: Conversation) -> None:
    for change in ({"stop": "refusal"}, {"stop": "stopped"}, {"stop": "length", "text": ""}):
        talk.turns[-1].answers = {0: answer("C0"), 1: answer("C1").model_copy(update=change), 2: answer("C2")}
        with pytest.raises(ChatError, match="no answer 2 to the last prompt that can be compared"):
            talk.vote(1)
        talk.vote(0)
        talk.turns[-1].answers.pop(2)
        with pytest.raises(ChatError, match="no two answers to compare"):
            talk.vote(0)


def test_a_file_with_the_id_of_another_conversation_is_refused(talk: Conversation, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws")
    file = store.save(workspace, talk)
    for name in ("copy", "evil"):
        (file.parent / f"{name}.json").write_bytes(file.read_bytes().replace(b'"x"', b'"../../x"'))
    with pytest.raises(ChatError) as refused:
        store.load(workspace, "evil")
    assert refused.value.code == "chat.damaged"
    told: list[ChatError] = []
    assert [one.id for one in store.saved(workspace, told.append)] == ["x"]
    assert len(told) == 2


def test_one_conversation_is_gone_on_with_in_one_place(talk: Conversation, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws")
    lock = store.hold(workspace, talk)
    with pytest.raises(ChatError, match="Somebody else"):
        store.hold(workspace, talk)
    lock.release()
    store.hold(workspace, talk).release()


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
    assert [one.id for one in store.saved(workspace)] == [other.id, "x"]
    (workspace.conversations / "half.json").write_text('{"id": "half"', encoding="utf-8")
    assert len(store.saved(workspace)) == 2
    for name, reason in (
        ("half", "cannot be read"),
        ("y", "no conversation 'y'"),
        ("../x", "no conversation"),
    ):
        with pytest.raises(ChatError, match=reason):
            store.load(workspace, name)
