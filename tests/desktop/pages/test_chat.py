"""The Chat page: models side by side, streamed; votes, stops, earlier conversations, examples, paid models."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTableView,
    QWidget,
)

from desktop.pages.chat.conversations import Conversations
from desktop.pages.chat.new_chat import NewChat
from desktop.pages.chat.opening import Asked
from desktop.pages.chat.page import ChatPage
from desktop.pages.chat.pane import Standing, _state
from desktop.pages.chat.parts import Prompt
from desktop.pages.datasets.importing import ImportDialog
from desktop.shell.window import MainWindow
from engine.datasets.library import open_dataset
from engine.exporting import vocabulary
from engine.exporting.spec import ExportSpec
from engine.inference.chat import store
from engine.inference.chat.conversation import Answer, Conversation
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model, do
from tests.tiny_families import exportable_model

Kind = TypeVar("Kind", bound=QWidget)


@pytest.fixture
def models(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two models with their files, and with room for answers that can be stopped before they are over."""
    for seed, name in enumerate(("one", "two")):
        folder = exportable_model(tmp_path / name, seed=seed)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8192}))
        add_model(workspace, folder, name)
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


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


@pytest.fixture
def online(window: MainWindow, until: Until, fake: FakeOpenAI) -> ChatPage:
    """With models behind an endpoint only, which are quick to begin."""
    window.resize(1200, 800)
    window.go("chat")
    assert isinstance(window.page, ChatPage)
    found = window.page
    until(lambda: found.model.loaded)
    return found


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def named(widget: QWidget, kind: type[Kind], name: str) -> Kind:
    return next(
        one for one in widget.findChildren(kind) if one.accessibleName() == name and not one.isHidden()
    )


def prompt_of(page: ChatPage) -> Prompt:
    found = page.findChild(Prompt)
    assert isinstance(found, Prompt)
    return found


def conversation_of(page: ChatPage) -> Conversation:
    found = page.model.talk.conversation
    assert found is not None
    return found


def dialog_of(page: ChatPage, kind: type[Kind], until: Until) -> Kind:
    until(lambda: any(one.isVisible() for one in page.findChildren(kind)))
    return next(one for one in page.findChildren(kind) if one.isVisible())


def shown(page: ChatPage, pane: int) -> str:
    return page._panes[pane].transcript.toPlainText()


def begin(page: ChatPage, until: Until, *names: str, most: int = 12) -> None:
    before = page.model.talk.conversation
    page.begin(Asked(names, budget_usd=1.0))
    until(lambda: page.model.talk.conversation not in (None, before))
    named(page, QSpinBox, "Tokens at most").setValue(most)


def talk_without_end(page: ChatPage) -> None:
    """Let the small models go round in circles; drawn by lot, their answers may be over before they are seen.

    After "Hello" the likeliest word of one of them is none, after "A long story" they never end.
    """
    named(page, QDoubleSpinBox, "Temperature").setValue(0.0)
    named(page, QSpinBox, "Tokens at most").setValue(6000)


def ask(page: ChatPage, until: Until, text: str) -> None:
    prompt = prompt_of(page)
    prompt.setFocus()
    QTest.keyClicks(prompt, text)
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    assert page.model.talk.busy
    until(lambda: not page.model.talk.busy)


def answers(page: ChatPage, turn: int = -1) -> dict[int, Answer]:
    return conversation_of(page).turns[turn].answers


def test_an_empty_page_says_how_to_get_somebody_to_talk_with(window: MainWindow, until: Until) -> None:
    window.go("chat")
    until(lambda: window.page.model.loaded)
    until(lambda: "Nobody to talk with yet" in texts(window.page))
    named(window.page, QAbstractButton, "Add a model").click()
    assert window.page.accessibleName() == "Models"


def test_from_the_first_key_to_a_vote_and_an_example_by_keyboard(
    page: ChatPage, models: Workspace, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = named(page, QAbstractButton, "Choose models")
    choose.setFocus()
    QTest.keyClick(choose, Qt.Key.Key_Space)
    dialog = dialog_of(page, NewChat, until)
    first, second = (named(dialog, QLineEdit, f"Model {number}") for number in (1, 2))
    for line, name in ((first, "one"), (second, "two@q8_0")):
        line.selectAll()
        QTest.keyClicks(line, name)
    QTest.keyClick(second, Qt.Key.Key_Return)
    until(lambda: page.model.talk.conversation is not None)
    page.window().activateWindow()  # as a desktop does when a dialog is closed
    until(page.isActiveWindow)
    said = texts(page)
    for pane in conversation_of(page).panes:
        assert pane.sha256[:12] in said
        assert Path(pane.file).name in said
    assert "Q8_0" in said
    named(page, QSpinBox, "Tokens at most").setValue(12)
    assert page.window().focusWidget() is prompt_of(page)
    ask(page, until, "What is this?")
    given = answers(page)
    assert set(given) == {0, 1}
    for number in range(2):
        assert shown(page, number).strip().startswith("What is this?")
    assert "tokens" in texts(page)
    assert all(one.comparable for one in given.values())
    QTest.keyClick(prompt_of(page), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    until(lambda: conversation_of(page).turns[0].vote == 1)
    assert "Your choice" in page._panes[1]._better.text()
    QTest.keyClick(page._panes[0].transcript, Qt.Key.Key_1)
    until(lambda: conversation_of(page).turns[0].vote == 0)
    QTest.keyClick(prompt_of(page), Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    until(lambda: conversation_of(page).turns[0].vote == "tie")
    page._panes[1]._better.click()
    until(lambda: conversation_of(page).turns[0].vote == 1)
    out = tmp_path / "won.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    page.ask_examples(None)
    until(out.exists)
    assert json.loads(out.read_text(encoding="utf-8"))["messages"][-1]["content"] == given[1].text
    kept = store.load(models, conversation_of(page).id)
    assert kept.turns[0].vote == 1
    votes = tmp_path / "votes.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(votes), ""))
    page.ask_votes()
    until(votes.exists)
    assert "two" in votes.read_text(encoding="utf-8")


def test_every_pane_can_be_saved_as_an_example_and_a_file_that_exists_is_kept(
    online: ChatPage, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = online
    begin(page, until, "openai:gpt-4o", "openai:gpt-4o-mini")
    ask(page, until, "What is this?")
    menu = next(one for one in page.findChildren(QMenu))
    menu.aboutToShow.emit()
    entries = {action.text(): action for action in menu.actions()}
    out = tmp_path / "all.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    entries["The conversation with openai:gpt-4o-mini, as an example..."].trigger()
    until(out.exists)
    written = out.read_text(encoding="utf-8")
    assert json.loads(written)["messages"][-1]["content"] == answers(page)[1].text
    told: list[Any] = []
    page.model.failed.connect(told.append)
    page.model.failed.disconnect(page._fail)
    entries["The conversation with openai:gpt-4o-mini, as an example..."].trigger()
    until(lambda: told)
    assert told[0].code == "file.exists"
    assert out.read_text(encoding="utf-8") == written


def test_the_speed_is_told_while_an_answer_comes(online: ChatPage, until: Until) -> None:
    page = online
    begin(page, until, "openai:gpt-4o")
    talk = page.model.talk
    ask(page, until, "word " * 400)
    assert talk.pace(0) is None  # it has ended
    talk._pace[0] = (monotonic() - 2.0, 40)
    pace = talk.pace(0)
    assert pace is not None
    assert 15 < pace <= 20
    conversation = conversation_of(page)
    words, tone = _state(conversation.panes[0], None, "", 0, Standing("so far", pace, speaking=True))
    assert (words.startswith("is answering, "), words.endswith(" tokens/s"), tone) == (True, True, "info")


def test_a_conversation_becomes_a_dataset_of_the_workspace(
    online: ChatPage, window: MainWindow, until: Until, models: Workspace
) -> None:
    page = online
    begin(page, until, "openai:gpt-4o", "openai:gpt-4o-mini")
    ask(page, until, "What is this?")
    said = answers(page)[1].text
    menu = next(one for one in page.findChildren(QMenu))
    menu.aboutToShow.emit()
    into = next(one for one in menu.findChildren(QMenu) if one.title() == "As a dataset")
    {action.text(): action for action in into.actions()}["The conversation with openai:gpt-4o-mini"].trigger()
    dialogs: list[ImportDialog] = []

    def asks() -> bool:
        dialogs[:] = [one for one in window.findChildren(ImportDialog) if one.isVisible()]
        return bool(dialogs)

    until(asks)
    (name,) = [one for one in dialogs[0].findChildren(QLineEdit) if one.accessibleName() == "What to call it"]
    name.selectAll()
    QTest.keyClicks(name, "talks")
    start = next(one for one in dialogs[0].findChildren(QPushButton) if one.text().strip() == "Import")
    until(start.isEnabled)
    QTest.keyClick(start, Qt.Key.Key_Space)
    until(lambda: any(job.request().kind == "dataset_import" for job in all_jobs(models.jobs)))
    (job,) = [job for job in all_jobs(models.jobs) if job.request().kind == "dataset_import"]
    JobClient(models).wait(job)
    examples = list(open_dataset(models, "talks", "show").store.examples("train"))
    assert [one.answer.content for one in examples] == [said]


def test_again_draws_another_and_escape_stops(page: ChatPage, until: Until) -> None:
    begin(page, until, "one", most=8)
    # With another seed, what it says without end may be letters that are shown as others, such as tabs.
    named(page, QSpinBox, "Seed").setValue(11)
    ask(page, until, "Hello")
    first = answers(page)[0].sampling.seed
    assert first == 11
    named(page, QAbstractButton, "Let one answer again").click()
    until(lambda: not page.model.talk.busy)
    assert answers(page)[0].sampling.seed == first + 1
    assert f"seed {first + 1}" in texts(page)
    talk_without_end(page)
    prompt = prompt_of(page)
    QTest.keyClicks(prompt, "A long story")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    until(lambda: page.model.talk.saying.get(0))
    until(lambda: page.model.talk.saying[0].strip()[:4] in shown(page, 0))
    QTest.keyClick(prompt, Qt.Key.Key_Escape)
    until(lambda: not page.model.talk.busy)
    assert answers(page)[0].stop == "stopped"
    assert "it was stopped" in texts(page)


def test_one_pane_is_stopped_and_the_next_goes_on(page: ChatPage, until: Until) -> None:
    begin(page, until, "one", "two")
    talk_without_end(page)
    prompt = prompt_of(page)
    QTest.keyClicks(prompt, "A long story")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    until(lambda: page.model.talk.saying.get(0))
    assert "waits for its turn" in texts(page)
    page._panes[0]._stop.click()
    until(lambda: page.model.talk.saying.get(1))
    assert answers(page)[0].stop == "stopped"
    QTest.keyClick(prompt, Qt.Key.Key_Escape)
    until(lambda: not page.model.talk.busy)


def test_settings_count_from_the_next_question_on(online: ChatPage, until: Until, fake: FakeOpenAI) -> None:
    page = online
    begin(page, until, "openai:gpt-4o")
    page.toggle_settings()
    named(page, QDoubleSpinBox, "Temperature").setValue(0.0)
    named(page, QSpinBox, "Top k").setValue(7)
    named(page, QDoubleSpinBox, "Min p").setValue(0.0)
    named(page, QSpinBox, "Seed").setValue(11)
    assert "Answers with temperature 0, top p 0.95, top k 7, seed 11" in texts(page)
    named(page, QDoubleSpinBox, "Min p").setValue(0.2)
    named(page, QDoubleSpinBox, "Repeat penalty").setValue(1.3)
    wanted = "Answers with temperature 0, top p 0.95, top k 7, min p 0.2, repeat penalty 1.3, seed 11"
    assert wanted in texts(page)
    ask(page, until, "Hello")
    sampling = answers(page)[0].sampling
    assert (sampling.temperature, sampling.top_k, sampling.seed) == (0.0, 7, 11)
    assert (sampling.min_p, sampling.repeat_penalty) == (0.2, 1.3)
    sent = fake.usage.bodies[-1]
    assert (sent["temperature"], sent["seed"], sent["max_tokens"]) == (0.0, 11, 12)
    named(page, QPlainTextEdit, "System message").setPlainText("Be brief.")
    ask(page, until, "And now?")
    assert fake.usage.bodies[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert store.load(page.model.services.workspace, conversation_of(page).id).system == "Be brief."


def test_a_conversation_that_is_too_long_says_so_and_goes_on_without_its_oldest_turns(
    page: ChatPage, until: Until
) -> None:
    page.begin(Asked(("one",), context=96))
    until(lambda: page.model.talk.conversation is not None)
    named(page, QSpinBox, "Tokens at most").setValue(4)
    for _ in range(12):
        ask(page, until, "y" * 20)
        if page.model.talk.offers:
            break
    assert "too long for it" in texts(page)
    named(page, QAbstractButton, "Leave them out, answer again").click()
    until(lambda: not page.model.talk.busy)
    assert answers(page)[0].tokens > 0
    assert "is not shown to this model any more" in shown(page, 0)
    assert not page.model.talk.offers


def test_names_are_hidden_until_they_are_asked_for(page: ChatPage, until: Until) -> None:
    page.ask_whom()
    dialog = dialog_of(page, NewChat, until)
    assert [one.accessibleName() for one in dialog.findChildren(QLineEdit) if one.text()] != []
    dialog.findChildren(QCheckBox)[0].setChecked(True)
    named(dialog, QAbstractButton, "Begin").click()
    until(lambda: page.model.talk.conversation is not None)
    said = texts(page)
    assert "Model 1" in said
    assert "sha256" not in said
    assert {pane.name for pane in conversation_of(page).panes} == {"one", "two"}
    page.toggle_names()
    assert "sha256" in texts(page)


def test_a_conversation_of_before_is_found_and_gone_on_with(online: ChatPage, until: Until) -> None:
    page = online
    begin(page, until, "openai:gpt-4o")
    ask(page, until, "Hello & welcome")
    name = conversation_of(page).id
    begin(page, until, "openai:gpt-4o-mini")
    ask(page, until, "Something else")
    until(lambda: len(page.model.state.saved) == 2)
    page.ask_which()
    dialog = dialog_of(page, Conversations, until)
    rows = named(dialog, QTableView, "Conversations")
    assert rows.model().rowCount() == 2
    QTest.keyClicks(named(dialog, QLineEdit, "Search in first messages and models"), "WELCOME")
    until(lambda: rows.model().rowCount() == 1)
    named(dialog, QDoubleSpinBox, "Budget in USD").setValue(1.0)
    QTest.keyClick(rows, Qt.Key.Key_Return)
    until(lambda: conversation_of(page).id == name)
    assert "Hello & welcome" in shown(page, 0)
    ask(page, until, "And now?")
    assert [turn.prompt for turn in conversation_of(page).turns] == ["Hello & welcome", "And now?"]


def test_what_cannot_be_opened_leaves_the_conversation_before_as_it_is(
    online: ChatPage, until: Until
) -> None:
    page = online
    begin(page, until, "openai:gpt-4o")
    ask(page, until, "Hello")
    page.begin(Asked(("nobody",)))
    until(lambda: any(one.isVisible() for one in page.window().findChildren(QDialog)))
    ask(page, until, "Still there?")
    assert len(conversation_of(page).turns) == 2


def test_a_model_without_a_file_gets_one_and_the_chat_begins(
    page: ChatPage, models: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    page.begin(Asked(("one@q4_0",)))
    until(lambda: any(job.request().spec.get("quantisation") == "q4_0" for job in all_jobs(models.jobs)))
    until(lambda: "The GGUF file of one@q4_0 is being made" in texts(page))
    do(models, "export", ExportSpec(model="one", quantisation="q4_0"))
    until(lambda: page.model.talk.conversation is not None)
    assert conversation_of(page).panes[0].quantisation == "q4_0"
    assert "is being made" not in texts(page)


def test_a_model_whose_process_dies_says_so_and_answers_again(page: ChatPage, until: Until) -> None:
    begin(page, until, "one", "two")
    talk_without_end(page)
    prompt = prompt_of(page)
    QTest.keyClicks(prompt, "A long story")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    until(lambda: page.model.talk.saying.get(0))
    opened = page.model.talk._open
    assert opened is not None
    os.kill(opened.session._answering[0].process_id, signal.SIGKILL)  # type: ignore[attr-defined]
    until(lambda: 0 in conversation_of(page).turns[0].failures)
    until(lambda: "SIGKILL" in shown(page, 0) and "Ask again" in shown(page, 0))
    until(lambda: page.model.talk.saying.get(1))
    QTest.keyClick(prompt, Qt.Key.Key_Escape)
    until(lambda: not page.model.talk.busy)
    named(page, QSpinBox, "Tokens at most").setValue(8)
    named(page, QAbstractButton, "Let one answer again").click()
    until(lambda: not page.model.talk.busy)
    assert answers(page)[0].text
    assert "SIGKILL" not in shown(page, 0)


def test_paid_models_answer_beside_local_ones_within_a_budget(
    page: ChatPage, until: Until, fake: FakeOpenAI
) -> None:
    page.begin(Asked(("one", "openai:gpt-4o")))
    dialog = dialog_of(page, NewChat, until)  # no budget yet
    assert "costs money" in texts(dialog)
    budget = named(dialog, QDoubleSpinBox, "Budget in USD")
    assert dialog.focusWidget() is budget
    QTest.keyClicks(budget, "1")
    QTest.keyClick(budget, Qt.Key.Key_Return)
    until(lambda: page.model.talk.conversation is not None)
    ask(page, until, "Hello")
    assert answers(page)[1].text
    assert answers(page)[1].cost_usd > 0
    assert "of $1.00" in texts(page)
    name = conversation_of(page).id
    begin(page, until, "two")
    until(lambda: any(one.id == name for one in page.model.state.saved))
    page.begin(Asked((), name))
    earlier = dialog_of(page, Conversations, until)  # it has to be said again
    QTest.keyClicks(named(earlier, QDoubleSpinBox, "Budget in USD"), "2")
    named(earlier, QAbstractButton, "Go on").click()
    until(lambda: conversation_of(page).id == name)
    assert page.model.talk.budget_usd == 2.0


def test_a_budget_that_is_used_up_can_be_raised(online: ChatPage, until: Until) -> None:
    page = online
    page.begin(Asked(("openai:gpt-4o",), budget_usd=0.000001))
    until(lambda: page.model.talk.conversation is not None)
    ask(page, until, "Hello")
    assert "budget" in shown(page, 0)
    page.toggle_settings()
    box = named(page, QDoubleSpinBox, "Budget in USD")
    box.setValue(1.0)
    box.editingFinished.emit()
    named(page, QAbstractButton, "Let openai:gpt-4o answer again").click()
    until(lambda: not page.model.talk.busy)
    assert answers(page)[0].text


def test_a_window_that_is_closed_while_they_speak_leaves_nothing_behind(page: ChatPage, until: Until) -> None:
    begin(page, until, "one", "two")
    talk_without_end(page)
    QTest.keyClicks(prompt_of(page), "A long story")
    QTest.keyClick(prompt_of(page), Qt.Key.Key_Return)
    until(lambda: page.model.talk.saying.get(0))
    opened = page.model.talk._open
    assert opened is not None
    process = opened.session._answering[0].process_id  # type: ignore[attr-defined]
    page.window().close()
    until(lambda: not any(one.name.startswith("chat-") for one in threading.enumerate()))
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
