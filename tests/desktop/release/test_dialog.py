"""The dialog that releases a model: by keyboard to a real release, pushed to a stand-in of the Hub; faults told."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QComboBox, QDialog, QMenu, QTextBrowser

from desktop.problem import Problem
from desktop.release.card import with_front_shown
from desktop.release.dialog import ReleaseDialog
from desktop.release.faults import fitted
from desktop.release.view_model import ReleaseModel
from desktop.shell.window import MainWindow
from engine.jobs.client import JobClient
from engine.jobs.directory import all_jobs
from engine.models.library import default_base
from engine.workspace import Workspace
from engine.workspace.tables import Study
from tests.conftest import REPOSITORY
from tests.desktop.conftest import Until
from tests.desktop.keyboard import bring_forward, press, tab_to, texts, write
from tests.desktop.pages.test_study import finish
from tests.engine.studies.pushing.stand_in import TOKEN, PushHub, push_hub
from tests.here import add_model, threads_for_processes
from tests.tiny_families import exportable_model


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program, no token, and a home of its own."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)


@pytest.fixture
def base(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a base whose licence is known."""
    folder = exportable_model(tmp_path / "alder")
    (folder / "README.md").write_text(
        "---\nlicense: apache-2.0\nlanguage: en\n---\n# Alder\n", encoding="utf-8"
    )
    (folder / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n", encoding="utf-8")
    add_model(workspace, folder, "alder")
    return workspace


@pytest.fixture
def at_work(base: Workspace) -> Iterator[None]:
    """Jobs are done, in threads of this process."""
    with threads_for_processes(base):
        yield


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PushHub]:
    """A stand-in of the Hub, and a token for it."""
    from huggingface_hub import constants

    from engine.studies.pushing import hub as hubs

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hubs, "_WAITS", (0.1, 0.1))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with push_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        yield found


def opened(window: MainWindow, until: Until) -> ReleaseDialog:
    """The dialog for the only model, opened by keyboard."""
    window.go("models")
    page = window.page
    until(lambda: any(one.isVisible() and one.accessibleName() == "Release..." for one in buttons(page)))
    (button,) = [one for one in buttons(page) if one.accessibleName() == "Release..."]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    until(lambda: page.findChild(ReleaseDialog))
    dialog = page.findChild(ReleaseDialog)
    assert isinstance(dialog, ReleaseDialog)
    until(lambda: dialog.model.loaded and dialog.model.reckoned)
    bring_forward(dialog, until)
    return dialog


def buttons(widget: MainWindow | QDialog | object) -> list[QAbstractButton]:
    return widget.findChildren(QAbstractButton)  # type: ignore[attr-defined, no-any-return]


def gone(window: MainWindow) -> bool:
    """Whether nothing is left of a dialog and of what it planned."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return not window.findChildren(ReleaseDialog) and not window.findChildren(ReleaseModel)


def tick(dialog: ReleaseDialog, words: str) -> QCheckBox:
    (found,) = [one for one in dialog.findChildren(QCheckBox) if one.text().startswith(words)]
    return found


def only_whole(dialog: ReleaseDialog, folder: Path) -> None:
    """Choose what is made in a moment: the weights as they are."""
    press(dialog, "GGUF file, q4_k_m")
    write(dialog, "Folder of the release", str(folder))


def test_a_release_is_made_by_keyboard(
    window: MainWindow, base: Workspace, at_work: None, tmp_path: Path, until: Until
) -> None:
    out = tmp_path / "out" / "alder as it leaves"
    out.parent.mkdir()
    dialog = opened(window, until)
    assert "licences/, LICENSE, SHA256SUMS" in texts(dialog)
    until(lambda: "The model was not ranked, and the card will say so." in texts(dialog))
    press(dialog, "GGUF file, q4_k_m")
    press(dialog, "GGUF file, q8_0")
    press(dialog, "Measure what quantising costs, against 16 bits")
    write(dialog, "Folder of the release", str(out))
    until(lambda: dialog.model.draft.folder == str(out) and dialog.model.reckoned)
    told = {name.split(",")[0]: size for name, size in dialog.model.state.contents.parts}
    assert told["alder-q8_0.gguf"] > 0
    QTest.keyClick(tab_to(dialog, "Contents"), Qt.Key.Key_Right)
    browser = dialog.findChild(QTextBrowser)
    assert isinstance(browser, QTextBrowser)
    assert browser.isVisible()
    card = browser.toPlainText()
    for words in ("license: apache-2.0", "This model was not ranked", "alder-q8_0.gguf", "llama.cpp"):
        assert words in card
    assert "checked while the release is made" in card
    assert not out.exists()
    press(dialog, "Start")
    until(lambda: dialog.model.state.stage in ("done", "failed"))
    assert dialog.model.state.problem is None
    # The card is now the one that was written.
    until(lambda: "checked while the release is made" not in browser.toPlainText())
    assert "texts become the same tokens" in browser.toPlainText()
    QTest.keyClick(tab_to(dialog, "The card"), Qt.Key.Key_Left)
    shown = texts(dialog)
    assert "The release is there" in shown
    assert str(out) in shown
    assert "What it holds" in shown
    assert "Before you start" not in shown
    files = {
        file.relative_to(out).as_posix(): file.stat().st_size for file in out.rglob("*") if file.is_file()
    }
    assert f"{len(files)} files, " in shown
    assert files["model.safetensors"] < told["model.safetensors"]
    assert {"README.md", "LICENSE", "Modelfile", "release.json", "SHA256SUMS", "config.json"} < files.keys()
    assert files["alder-q8_0.gguf"] > told["alder-q8_0.gguf"]
    facts = json.loads((out / "release.json").read_text(encoding="utf-8"))
    assert facts["asked"]["quantisations"] == ["q8_0"]
    assert facts["drift"] == {"left_out": "it was not asked for"}
    assert [one.accessibleName() for one in buttons(dialog) if one.isVisible()][-1] == "Close"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))


def test_it_is_pushed_after_a_question_and_gone_on_with_after_a_failure(
    window: MainWindow, base: Workspace, at_work: None, hub: PushHub, tmp_path: Path, until: Until
) -> None:
    out = tmp_path / "out"
    dialog = opened(window, until)
    assert "It takes the token in the environment." in texts(dialog)
    only_whole(dialog, out)
    press(dialog, "Train from it where no base is named")
    press(dialog, "Push it to the Hugging Face Hub as")
    write(dialog, "Repository on the Hub", "me/alder")
    until(lambda: dialog.model.draft.repository == "me/alder" and dialog.model.can_start)
    hub.status = 400
    press(dialog, "Start")
    (question,) = [one for one in dialog.findChildren(QDialog) if one.isVisible()]
    assert "Push to me/alder?" in texts(question)
    assert "for you alone" in texts(question)
    QTest.keyClick(question, Qt.Key.Key_Escape)  # nothing has begun
    assert dialog.model.state.stage == "asking"
    assert not [job for job in all_jobs(base.jobs) if job.request().kind == "release"]
    bring_forward(dialog, until)
    press(dialog, "Start")
    (question,) = [one for one in dialog.findChildren(QDialog) if one.isVisible()]
    bring_forward(question, until)
    press(question, "Release and push")
    until(lambda: dialog.model.state.stage in ("done", "failed"))
    until(lambda: "It was not pushed" in texts(dialog))
    assert "refuses me/alder: No pushing today." in texts(dialog)
    assert default_base(base) == "alder"
    made = (out / "release.json").read_bytes()
    # The same once more, as soon as the Hub answers: the folder is not made again.
    hub.status = 0
    until(lambda: dialog.model.can_start)
    until(lambda: "The folder holds just this release: it is not made again." in texts(dialog))
    bring_forward(dialog, until)
    press(dialog, "Start")
    (question,) = [one for one in dialog.findChildren(QDialog) if one.isVisible()]
    bring_forward(question, until)
    press(question, "Release and push")
    until(lambda: dialog.model.state.stage in ("done", "failed") and dialog.model.state.job is not None)
    until(lambda: "The release is there" in texts(dialog))
    shown = texts(dialog)
    assert f"It is at {hub.url}/me/alder, for you alone." in shown
    assert "alder is now what is trained where no base is named." in shown
    repository = hub.repositories["me/alder"]
    assert repository.private
    assert repository.files["release.json"] == made == (out / "release.json").read_bytes()
    assert repository.files["model.safetensors"] == (out / "model.safetensors").read_bytes()
    assert TOKEN not in "".join(
        file.read_text(encoding="utf-8", errors="replace") for file in base.jobs.rglob("*") if file.is_file()
    )
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))


def test_it_goes_on_when_the_dialog_is_closed(
    window: MainWindow, base: Workspace, at_work: None, tmp_path: Path, until: Until
) -> None:
    out = tmp_path / "out"
    dialog = opened(window, until)
    only_whole(dialog, out)
    press(dialog, "Train from it where no base is named")
    press(dialog, "Start")  # at once after typing
    until(lambda: dialog.model.state.busy)
    dialog.reject()
    until(lambda: "alder has been released." in texts(window))
    assert (out / "SHA256SUMS").is_file()
    assert default_base(base) == "alder"  # what was wanted afterwards is done
    until(lambda: gone(window))


def test_a_job_that_waits_is_paused_or_is_stopped_is_told(
    window: MainWindow, base: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)  # so that it stays as it is
    dialog = opened(window, until)
    only_whole(dialog, tmp_path / "out")
    press(dialog, "Start")
    until(lambda: dialog.model.state.stage == "making")
    (job,) = [one for one in all_jobs(base.jobs) if one.request().kind == "release"]
    until(lambda: "Waiting" in texts(dialog))
    assert "It goes on when this dialog is closed." in texts(dialog)
    job.change(state="paused")
    until(lambda: "Paused" in texts(dialog))
    job.change(state="stopped")
    until(lambda: "The job was stopped." in texts(dialog))
    assert "The release was not made" in texts(dialog)
    until(lambda: dialog.model.can_start)  # once more
    bring_forward(dialog, until)
    press(dialog, "Show in Jobs")
    assert window.page.accessibleName() == "Jobs"  # and the dialog does not stand in the way
    until(lambda: gone(window))
    assert not (tmp_path / "out").exists()


BAD = (
    ({"folder": "  "}, "No folder is named."),
    ({"folder": "taken"}, "already exists. Name another folder, or remove that one first."),
    ({"folder": "nowhere/out"}, "There is no folder"),
    ({"others": "q8_0, q99"}, "q99"),
    ({"others": "iq2_xs"}, "Choose a dataset under"),
    (
        {"quantisations": (), "safetensors": False},
        "would hold no model. Choose a GGUF file, or the whole model.",
    ),
    ({"study": "trial"}, "Choose another study, or the newest that ranked it."),
    ({"judge": "openai:gpt-4"}, "has not judged these weights."),
    ({"push": True}, "No repository is named."),
    ({"push": True, "repository": "not a name"}, "cannot be the name of a repository. Write it as USER/NAME"),
    ({"push": True, "repository": "me/alder"}, "Store one with write access under Settings"),
)


def test_what_cannot_be_done_is_told_in_words_and_not_begun(
    window: MainWindow, base: Workspace, tmp_path: Path, until: Until
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine", encoding="utf-8")
    with base.catalogue.writing() as rows:
        rows.add(Study(name="trial", definition={}, job_id="x", result={"winner": "one"}))
    dialog = opened(window, until)
    model = dialog.model
    model.change(quantisations=(), folder=str(tmp_path / "out"))
    good = model.draft
    jobs = len(list(base.jobs.iterdir()))
    (start,) = [one for one in buttons(dialog) if one.accessibleName() == "Start"]
    for change, words in BAD:
        wanted = dict(change)
        if str(wanted.get("folder", "")).strip():
            wanted["folder"] = str(tmp_path / str(wanted["folder"]))
        model.change(**wanted)
        until(lambda words=words: model.reckoned and words in texts(dialog))  # type: ignore[misc]
        shown = texts(dialog)
        assert not start.isEnabled(), change
        model.start()
        assert model.state.stage == "asking"
        for told in ("--", "bakeoff "):  # a window has no options, and is no terminal
            assert told not in shown, change
        model.change(**{name: getattr(good, name) for name in wanted})
        until(start.isEnabled)
        assert model.can_start
    assert not (tmp_path / "out").exists()
    assert len(list(base.jobs.iterdir())) == jobs
    # Where even the card cannot be told, its place says so.
    model.change(study="trial")
    until(lambda: model.reckoned)
    browser = dialog.findChild(QTextBrowser)
    assert isinstance(browser, QTextBrowser)
    assert (browser.toPlainText(), bool(browser.placeholderText())) == ("", True)
    dialog.reject()
    until(lambda: gone(window))


def test_return_in_a_field_begins_nothing_and_escape_leaves(
    window: MainWindow, base: Workspace, tmp_path: Path, until: Until
) -> None:
    dialog = opened(window, until)
    assert dialog.model.can_start
    field = tab_to(dialog, "Folder of the release")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert dialog.model.state.stage == "asking"
    for name in ("Other quantisations", "Test prompts of", "Ranking of", "More settings", "Close", "Start"):
        tab_to(dialog, name)
    names = {box.accessibleName() for box in dialog.findChildren(QComboBox)}
    assert names == {"Test prompts of", "Ranking of"}
    assert not tick(dialog, "Make it known to Ollama").isEnabled()
    assert "(not found here)" in tick(dialog, "Make it known to LM Studio").text()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    until(lambda: gone(window))
    assert not [job for job in all_jobs(base.jobs) if job.request().kind == "release"]


def test_the_winner_of_a_study_is_released_from_its_page(
    window: MainWindow, base: Workspace, until: Until
) -> None:
    finish(base)
    with base.catalogue.writing() as rows:
        row = rows.get_one(Study, "town desk")
        row.result = {**row.result, "winner": "alder"}
    window.go("study")
    page = window.page
    until(lambda: any(one.isVisible() and one.accessibleName() == "Release..." for one in buttons(page)))
    (button,) = [one for one in buttons(page) if one.accessibleName() == "Release..."]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    menus = [one for one in page.findChildren(QMenu) if any("untuned" in act.text() for act in one.actions())]
    for menu in menus:  # the only choice is taken without one
        next(act for act in menu.actions() if act.text() == "alder itself, untuned").trigger()
        menu.close()
    until(lambda: page.findChild(ReleaseDialog))
    dialog = page.findChild(ReleaseDialog)
    assert isinstance(dialog, ReleaseDialog)
    until(lambda: dialog.model.loaded and dialog.model.reckoned)
    assert (dialog.model.draft.model, dialog.model.draft.study) == ("alder", "town desk")
    # Other weights of that name were ranked there, and that is not passed over.
    until(lambda: "The study 'town desk' has no ranking in which these weights of 'alder'" in texts(dialog))
    bring_forward(dialog, until)
    ranking = tab_to(dialog, "Ranking of")
    assert isinstance(ranking, QComboBox)
    assert ranking.currentText() == "town desk"
    QTest.keyClick(ranking, Qt.Key.Key_Up)
    until(lambda: dialog.model.can_start)
    assert dialog.model.draft.study == ""
    dialog.reject()
    until(lambda: gone(window))


def test_no_way_out_leads_to_the_command_line() -> None:
    """Whatever can go wrong with a release, and names an option or a command there, has other words here."""
    terminal = re.compile("--|bakeoff |command")
    found = {}
    for part in ("release", "pushing"):
        for file in (REPOSITORY / "engine" / "studies" / part).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                texts_in = {one.arg: one.value for one in node.keywords} if isinstance(node, ast.Call) else {}
                fix = texts_in.get("fix")
                if isinstance(fix, ast.Constant) and terminal.search(str(fix.value)):
                    code = node.args[0]  # type: ignore[attr-defined]
                    assert isinstance(code, ast.Constant)
                    found[str(code.value)] = str(fix.value)
    assert found.pop("release.no_bundle")  # of a folder that was never released: only a command is given one
    assert len(found) > 8
    for code, fix in found.items():
        told = fitted(Problem("", "", fix, code)).fix
        assert told != fix, code
        assert not terminal.search(told), code


def test_a_card_is_shown_with_its_front() -> None:
    assert with_front_shown("---\nlicense: mit\n---\n# Mine\n") == "```yaml\nlicense: mit\n```\n\n# Mine\n"
    assert with_front_shown("# Mine\n") == "# Mine\n"
