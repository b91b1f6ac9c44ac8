"""Bubbles of a conversation, and the document that shows them."""

from __future__ import annotations

from PySide6.QtTest import QTest

from desktop.pages.chat.bubbles import Bubble, bubbles_of, thought_and_answer
from desktop.pages.chat.transcript import Transcript
from desktop.theme.look import Look
from engine.inference.chat.conversation import Conversation, Pane, Turn
from tests.engine.inference.chat.test_conversation import answer


def talk(*said: str, left_out: int = 0) -> Conversation:
    """A conversation in which one pane has said this."""
    pane = Pane(name="a", kind="local", left_out=left_out)
    made = Conversation(id="x", created=0.0, panes=[pane])
    for number, text in enumerate(said):
        made.turns.append(Turn(prompt=f"Question {number}"))
        made.turns[-1].answers[0] = answer(text)
    return made


def test_thoughts_stand_apart() -> None:
    assert thought_and_answer("<think>Hm.</think>\n\nMe.") == ("Hm.", "Me.")
    assert thought_and_answer("Hm.</think>Me.") == ("Hm.", "Me.")  # the template began it
    assert thought_and_answer("<think>Hm") == ("Hm", "")
    assert thought_and_answer("What is a <think> tag?") == ("", "What is a <think> tag?")
    assert bubbles_of(talk("<think>Hm.</think>Me."), 0, None)[1:] == [
        Bubble("thought", "Hm."),
        Bubble("said", "Me."),
    ]


def test_what_is_being_said_takes_the_place_of_the_last_answer() -> None:
    kept = talk("one", "two")
    assert [one.text for one in bubbles_of(kept, 0, "tw")] == ["Question 0", "one", "Question 1", "tw"]
    assert bubbles_of(kept, 0, "")[-1].text == "…"


def test_what_a_model_is_not_shown_any_more_is_told() -> None:
    found = bubbles_of(talk("one", "two", "three", left_out=2), 0, None)
    assert [one.faint for one in found] == [True, True, True, True, False, False, False]
    assert found[4].kind == "note"


def test_why_there_is_no_answer_stands_below_the_answer_of_before() -> None:
    kept = talk("one")
    kept.turns[0].failures[0] = "It broke. Ask again."
    assert [one.kind for one in bubbles_of(kept, 0, None)] == ["asked", "said", "failed"]


def test_nothing_that_a_model_writes_is_markup_and_lines_stay(look: Look) -> None:
    shown = Transcript(look)
    shown.show_bubbles([Bubble("asked", "<b>Who?</b>"), Bubble("said", "a\n  b &amp; c")])
    assert "<b>Who?</b>" in shown.toPlainText()
    assert "a\n  b &amp; c" in shown.toPlainText()
    shown.deleteLater()


def test_it_grows_shrinks_and_follows_the_end(look: Look) -> None:
    shown = Transcript(look)
    shown.resize(300, 200)
    shown.show()
    bubbles = [Bubble("asked", "Tell me a story")]
    text = ""
    for number in range(60):
        text += f"word{number} "
        shown.show_bubbles([*bubbles, Bubble("said", text)])
    QTest.qWait(1)
    bar = shown.verticalScrollBar()
    assert bar.maximum() > 0
    assert bar.value() == bar.maximum()
    assert "word58 word59" in shown.toPlainText()
    bar.setValue(0)  # who reads above is not taken away from there
    shown.show_bubbles([*bubbles, Bubble("said", text + "more")])
    assert bar.value() == 0
    shown.show_bubbles([*bubbles, Bubble("thought", "Hm"), Bubble("said", "Else")])
    assert shown.toPlainText().split() == ["Tell", "me", "a", "story", "Thought", "Hm", "Else"]
    assert len(shown.document().rootFrame().childFrames()) == 3
    look.changed.emit()
    assert shown.toPlainText().split()[-1] == "Else"
    shown.show_bubbles([])
    assert shown.toPlainText().strip() == ""
    shown.close()
    shown.deleteLater()


def test_a_word_more_changes_nothing_but_the_end_of_a_long_conversation(look: Look) -> None:
    shown = Transcript(look)
    before = [Bubble("said" if number % 2 else "asked", "Some words. " * 40) for number in range(40)]
    shown.show_bubbles([*before, Bubble("said", "word ")])
    changes: list[tuple[int, int]] = []
    shown.document().contentsChange.connect(lambda _at, removed, added: changes.append((removed, added)))
    shown.show_bubbles([*before, Bubble("said", "word another ")])
    assert changes == [(0, len("another "))]
    shown.show_bubbles([*before, Bubble("said", "word another "), Bubble("asked", "And?")])
    assert len(shown.document().rootFrame().childFrames()) == 42
    shown.deleteLater()
