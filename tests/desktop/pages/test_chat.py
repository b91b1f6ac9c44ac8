"""The Chat page: models side by side, streamed; votes, stops, earlier conversations, examples, paid models."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QSpinBox, QTextBrowser, QWidget

from desktop.pages.chat.page import ChatPage, Prompt
from desktop.pages.chat.pane import transcript
from desktop.shell.window import MainWindow
from desktop.theme.tokens import LIGHT
from engine.exporting import vocabulary
from engine.exporting.spec import ExportSpec
from engine.inference.chat import store
from engine.inference.chat.conversation import Conversation, Pane, Turn
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.engine.inference.chat.test_conversation import answer
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model, do
from tests.tiny_families import exportable_model

Kind = TypeVar("Kind", bound=QWidget)


@pytest.fixture
def models(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two models with their files."""
    for seed, name in enumerate(("one", "two")):
        add_model(workspace, exportable_model(tmp_path / name, seed=seed), name)
        do(workspace, "export", ExportSpec(model=name, quantisation="q8_0"))
    return workspace


@pytest.fixture
def page(models: Workspace, window: MainWindow, until: Until) -> ChatPage:
    window.resize(1200, 800)
    window.go("chat")
    assert isinstance(window.page, ChatPage)
    found = window.page
    until(lambda: len(found.model.state.models) == 2)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def buttons(page: QWidget, name: str) -> list[QAbstractButton]:
    return [
        one for one in page.findChildren(QAbstractButton) if one.accessibleName() == name and one.isVisible()
    ]


def begin(page: ChatPage, until: Until, *names: str, most: int = 12) -> None:
    page.begin(names, None)
    until(lambda: page.model.talk.conversation is not None)
    box = next(one for one in page.findChildren(QSpinBox) if one.accessibleName() == "Tokens at most")
    box.setValue(most)


def turns_of(page: ChatPage) -> int:
    conversation = page.model.talk.conversation
    return len(conversation.turns) if conversation is not None else 0


def ask(page: ChatPage, until: Until, text: str) -> None:
    prompt = page.findChild(Prompt)
    assert isinstance(prompt, Prompt)
    prompt.setFocus()
    QTest.keyClicks(prompt, text)
    before = turns_of(page)
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    until(lambda: not page.model.talk.busy and turns_of(page) > before)


def test_an_empty_page_says_what_it_is_for(window: MainWindow, until: Until) -> None:
    window.go("chat")
    until(lambda: window.page.model.loaded)
    assert "Talk with your models" in texts(window.page)


def test_one_prompt_to_two_models_a_vote_and_examples_by_keyboard(
    page: ChatPage, models: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(page, until, "one", "two@q8_0")
    said = texts(page)
    conversation = page.model.talk.conversation
    assert conversation is not None
    for pane in conversation.panes:
        assert pane.sha256[:12] in said
    ask(page, until, "What is this?")
    turn = page.model.talk.conversation.turns[0]  # type: ignore[union-attr]
    assert set(turn.answers) == {0, 1}
    shown = [one.toPlainText() for one in page.findChildren(QTextBrowser)]
    for text in shown:
        assert "What is this?" in text
    assert "tokens" in texts(page)
    prompt = page.findChild(Prompt)
    assert isinstance(prompt, Prompt)
    QTest.keyClick(prompt, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    comparable = all(one.comparable for one in turn.answers.values())
    if comparable:
        until(lambda: page.model.talk.conversation.turns[0].vote == 1)  # type: ignore[union-attr]
        out = tmp_path / "won.jsonl"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
        page._ask_examples(None)
        until(out.exists)
        assert json.loads(out.read_text(encoding="utf-8"))["messages"][-1]["content"] == turn.answers[1].text
    kept = store.load(models, page.model.talk.conversation.id)  # type: ignore[union-attr]
    assert len(kept.turns) == 1


def test_again_draws_another_and_escape_stops(page: ChatPage, until: Until) -> None:
    begin(page, until, "one", most=8)
    ask(page, until, "Hello")
    first = page.model.talk.conversation.turns[0].answers[0].sampling.seed  # type: ignore[union-attr]
    buttons(page, "Again")[0].click()
    until(lambda: page.model.talk.conversation.turns[0].answers[0].sampling.seed == first + 1)  # type: ignore[union-attr]
    until(lambda: not page.model.talk.busy)
    box = next(one for one in page.findChildren(QSpinBox) if one.accessibleName() == "Tokens at most")
    box.setValue(6000)
    prompt = page.findChild(Prompt)
    assert isinstance(prompt, Prompt)
    prompt.setFocus()
    QTest.keyClicks(prompt, "A long story")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    until(lambda: page.model.talk.saying.get(0) or (turns_of(page) == 2 and not page.model.talk.busy))
    QTest.keyClick(prompt, Qt.Key.Key_Escape)
    until(lambda: not page.model.talk.busy and turns_of(page) == 2)
    assert page.model.talk.conversation.turns[1].answers[0].stop in ("stopped", "stop")  # type: ignore[union-attr]


def test_an_earlier_conversation_is_gone_on_with(page: ChatPage, until: Until) -> None:
    begin(page, until, "one")
    ask(page, until, "Hello")
    name = page.model.talk.conversation.id  # type: ignore[union-attr]
    begin(page, until, "two")
    until(lambda: page.model.talk.conversation.panes[0].name == "two")  # type: ignore[union-attr]
    until(lambda: [one.id for one in page.model.state.saved] == [name])
    page.model.talk.resume(name, None)
    until(lambda: page.model.talk.conversation is not None and page.model.talk.conversation.id == name)
    ask(page, until, "And now?")
    assert [turn.prompt for turn in page.model.talk.conversation.turns] == ["Hello", "And now?"]  # type: ignore[union-attr]


def test_a_model_without_a_file_gets_one_and_the_chat_begins(
    page: ChatPage, models: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    page.begin(("one@q4_0",), None)
    until(lambda: any(job.request().spec.get("quantisation") == "q4_0" for job in all_jobs(models.jobs)))
    do(models, "export", ExportSpec(model="one", quantisation="q4_0"))
    until(lambda: page.model.talk.conversation is not None)
    assert page.model.talk.conversation.panes[0].quantisation == "q4_0"  # type: ignore[union-attr]


def test_a_model_whose_process_dies_says_so_and_answers_again(page: ChatPage, until: Until) -> None:
    begin(page, until, "one")
    ask(page, until, "Hello")
    process = page.model.talk._session._answering[0].process_id  # type: ignore[union-attr,attr-defined]
    os.kill(process, signal.SIGKILL)
    ask(page, until, "Still there?")
    failures = page.model.talk.conversation.turns[1].failures  # type: ignore[union-attr]
    answers = page.model.talk.conversation.turns[1].answers  # type: ignore[union-attr]
    assert failures or answers
    ask(page, until, "And now?")
    assert page.model.talk.conversation.turns[2].answers  # type: ignore[union-attr]


def test_paid_models_answer_beside_local_ones_within_a_budget(
    page: ChatPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeOpenAI() as fake:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)
        told: list[object] = []
        page.model.talk.failed.connect(told.append)
        page.begin(("one", "openai:gpt-4o"), None)
        until(lambda: told)  # no budget
        page.begin(("one", "openai:gpt-4o"), 1.0)
        until(lambda: page.model.talk.conversation is not None)
        ask(page, until, "Hello")
        answers = page.model.talk.conversation.turns[0].answers  # type: ignore[union-attr]
        assert answers[1].text
        assert answers[1].cost_usd > 0
        assert "Spent: $" in texts(page)


def test_thoughts_stand_apart_and_nothing_a_model_writes_is_markup() -> None:
    conversation = Conversation(id="x", created=0.0, panes=[Pane(name="a", kind="local")])
    conversation.turns.append(Turn(prompt="<b>Who?</b>"))
    conversation.turns[0].answers[0] = answer("<think>Hm, <i>me</i>.</think>\nMe.")
    text = transcript(conversation, 0, None, LIGHT)
    assert "&lt;b&gt;Who?&lt;/b&gt;" in text
    assert "Hm, &lt;i&gt;me&lt;/i&gt;." in text
    assert "think" not in text
    assert "half a wo" in transcript(conversation, 0, "half a wo", LIGHT)
