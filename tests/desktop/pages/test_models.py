"""The Models page: added, found, renamed, removed and brought back; where each comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QLabel, QLineEdit, QProgressBar, QPushButton, QTableView, QWidget

from desktop.pages.models import fit
from desktop.pages.models.adding import AddDialog
from desktop.pages.models.lineage import Lineage, arrange
from desktop.pages.models.page import ModelsPage
from desktop.pages.models.view_model import Gguf, ModelRow
from desktop.shell.footer import Footer
from desktop.shell.window import MainWindow
from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobClient
from engine.models.gpu_now import GpuNow
from engine.models.library import find_model
from engine.models.spec import ModelAddSpec
from engine.workspace import Workspace
from tests.desktop.conftest import Until
from tests.here import add_model
from tests.tiny import tiny_model


@pytest.fixture
def page(window: MainWindow) -> ModelsPage:
    window.go("models")
    assert isinstance(window.page, ModelsPage)
    return window.page


def button(widget: QWidget, name: str) -> QPushButton:
    found = [
        one for one in widget.findChildren(QPushButton) if one.accessibleName() == name and one.isVisible()
    ]
    return found[0]


def listed(page: ModelsPage) -> list[str]:
    (table,) = (one for one in page.findChildren(QTableView) if one.accessibleName() == "Models")
    model = table.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def row(name: str, kind: str, *parents: str, ggufs: tuple[Gguf, ...] = ()) -> ModelRow:
    return ModelRow(name, name, kind, "", 0, parents, parents, ggufs, False, True, "")


def test_an_empty_workspace_offers_a_base(page: ModelsPage, until: Until) -> None:
    until(lambda: page.model.loaded)
    assert button(page, "Use SmolLM2-135M").isEnabled()


def test_a_folder_is_added_by_keyboard(
    page: ModelsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    folder = tiny_model(tmp_path / "tiny base")
    until(lambda: page.model.loaded)
    QTest.keyClick(button(page, "Add a base"), Qt.Key.Key_Space)
    dialog = page.findChild(AddDialog)
    assert isinstance(dialog, AddDialog)
    where = dialog.findChild(QLineEdit)
    assert isinstance(where, QLineEdit)
    QTest.keyClicks(where, str(folder))
    QTest.keyClick(where, Qt.Key.Key_Return)
    until(lambda: listed(page) == ["tiny-base"])
    until(lambda: any("trained and run" in one.text() for one in page.findChildren(QLabel)))


def test_a_wrong_place_is_told(window: MainWindow, page: ModelsPage, until: Until) -> None:
    page.model.add("/nowhere/at/all")
    until(lambda: any("/nowhere/at/all" in one.text() for one in window.findChildren(QLabel)))


def test_a_model_is_renamed_removed_and_brought_back(
    page: ModelsPage, window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    add_model(workspace, tiny_model(tmp_path / "two", seed=1), "two")
    until(lambda: sorted(listed(page)) == ["one", "two"])
    search = page.findChild(QLineEdit)
    assert isinstance(search, QLineEdit)
    QTest.keyClicks(search, "tw")
    until(lambda: listed(page) == ["two"])
    search.clear()
    page.model.rename(page.model.state.models[0].id, "first")
    until(lambda: sorted(listed(page)) == ["first", "two"])
    page.model.select(page.model.state.models[0].id)
    until(lambda: page.model.state.selected == page.model.state.models[0].id)
    QTest.keyClick(button(page, "Remove"), Qt.Key.Key_Space)
    until(lambda: listed(page) == ["two"])
    QTest.keyClick(button(window, "Undo"), Qt.Key.Key_Space)
    until(lambda: sorted(listed(page)) == ["first", "two"])


def test_a_model_is_renamed_and_its_folder_shown_by_their_buttons(
    page: ModelsPage, workspace: Workspace, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    page.model.select(page.model.state.models[0].id)
    until(lambda: page.model.state.selected)
    typed: list[str] = []

    def type_it() -> None:
        (asks,) = [one for one in page.findChildren(QInputDialog) if one.isVisible()]
        line = asks.findChild(QLineEdit)
        assert isinstance(line, QLineEdit)
        typed.append(line.text())
        line.selectAll()
        QTest.keyClicks(line, "first")
        QTest.keyClick(line, Qt.Key.Key_Return)

    QTimer.singleShot(200, type_it)
    QTest.keyClick(button(page, "Rename"), Qt.Key.Key_Space)
    until(lambda: listed(page) == ["first"])
    assert typed == ["one"]
    shown: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", shown.append)
    QTest.keyClick(button(page, "Show folder"), Qt.Key.Key_Space)
    assert [Path(one.toLocalFile()) for one in shown] == [find_model(workspace, "first").folder]


def test_undo_outlives_other_sentences(
    page: ModelsPage, window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    page.model.select(page.model.state.models[0].id)
    until(lambda: page.model.state.selected)
    QTest.keyClick(button(page, "Remove"), Qt.Key.Key_Space)
    until(lambda: listed(page) == [])
    undo = button(window, "Undo")
    removed = undo.accessibleDescription()
    window.tell("Import rows is done")
    footer = window.findChild(Footer)
    assert isinstance(footer, Footer)
    assert "Import rows is done" in [one.text() for one in footer.findChildren(QLabel)]
    footer._quiet.timeout.emit()  # it was there long enough
    assert removed in [one.text() for one in footer.findChildren(QLabel)]
    assert undo.isVisible()
    QTest.keyClick(undo, Qt.Key.Key_Space)
    until(lambda: listed(page) == ["one"])
    assert not undo.isVisible()


def test_a_model_that_a_job_waits_for_stays_and_the_page_says_why(
    page: ModelsPage, window: MainWindow, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    JobClient(workspace).submit("generate", GenerateSpec(models=["one"], dataset="rows"), "Answer with one")
    page.model.select(page.model.state.models[0].id)
    until(lambda: page.model.state.selected == page.model.state.models[0].id)
    QTest.keyClick(button(page, "Remove"), Qt.Key.Key_Space)
    until(lambda: any("'Answer with one'" in one.text() for one in window.findChildren(QLabel)))
    assert listed(page) == ["one"]


def test_the_picture_puts_children_behind_their_parents() -> None:
    gguf = Gguf("q8_0", 10, "x", "y", True)
    models = [
        row("a", "base"),
        row("b", "base"),
        row("tuned", "adapter", "a"),
        row("both", "merge", "a", "b"),
        row("late", "adapter", "both", ggufs=(gguf,)),
    ]
    places = {node.key: node.place for node in arrange(models)}
    assert [places[key][0] for key in ("a", "b", "tuned", "both", "late", "late q8_0")] == [0, 0, 1, 1, 2, 3]
    assert len(set(places.values())) == len(places)
    assert places["both"][1] >= places["a"][1]


def test_a_line_past_a_column_has_a_place_of_its_own_there() -> None:
    models = [
        row("a", "base"),
        row("b", "merge", "a"),
        row("c", "merge", "b"),
        row("d", "merge", "a", "c"),
        row("e", "merge", "a", "c"),
    ]
    nodes = arrange(models)
    places = [node.place for node in nodes]
    assert len(set(places)) == len(places)
    ways = [node for node in nodes if node.kind == "way"]
    assert [way.place[0] for way in ways] == [1, 2]  # shared by both lines from "a"
    assert ways[0].place[1] == ways[1].place[1] == 1.0


def test_the_picture_is_told_in_words(
    page: ModelsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    lineage = page.findChild(Lineage)
    assert isinstance(lineage, Lineage)
    assert lineage.accessibleName() == "Where each model comes from"
    lineage.setFocus()
    QTest.keyClick(lineage, Qt.Key.Key_Down)
    assert page.model.state.selected == page.model.state.models[0].id


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        (None, "Can be trained and run on this machine ("),
        (GpuNow("A card", 0.0, 0, 24_000_000_000), "Can be trained and run on this machine's A card."),
        (GpuNow("A card", 0.0, 0, 1_000_000), "Can be run on this machine, not trained."),
    ],
)
def test_what_fits_is_reckoned_with_the_memory_that_computes(
    page: ModelsPage,
    workspace: Workspace,
    tmp_path: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    gpu: GpuNow | None,
    said: str,
) -> None:
    monkeypatch.setattr(fit, "gpu_here", lambda: gpu)
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"] and page.model.state.details.fits.startswith(said))
    table = next(one for one in page.findChildren(QTableView) if one.accessibleName() == "Models")
    (here,) = [
        at
        for at in range(table.model().columnCount())
        if table.model().headerData(at, Qt.Orientation.Horizontal) == "Fits"
    ]
    assert table.model().index(0, here).data() == ("to run" if "not trained" in said else "yes")


def test_a_search_without_a_hit_says_so_and_shows_all_again(
    page: ModelsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    search = next(one for one in page.findChildren(QLineEdit) if one.accessibleName() == "Search models")
    search.setFocus()
    QTest.keyClicks(search, "zzz")
    until(lambda: button(page, "Show all models").isVisible())
    button(page, "Show all models").setFocus()
    QTest.keyClick(button(page, "Show all models"), Qt.Key.Key_Space)
    until(lambda: listed(page) == ["one"])
    assert "No model fits" not in {one.text() for one in page.findChildren(QLabel) if one.isVisible()}
    assert not search.text()


def test_a_download_shows_how_far_it_is_and_why_it_failed(
    page: ModelsPage, workspace: Workspace, until: Until
) -> None:
    spec = ModelAddSpec(source="owner/model", name="far")
    job = JobClient(workspace).submit("model_add", spec, "Add far")

    def shown() -> str:
        return "\n".join(one.text() for one in page.findChildren(QLabel) if one.isVisible())

    until(lambda: "On their way here" in shown() and "Waiting" in shown())
    progress = {"done": 125_000_000, "total": 500_000_000, "unit": "bytes"}
    job.change(state="running", attempt=1, progress=progress)
    until(lambda: "125 MB of 500 MB" in shown())
    (bar,) = (one for one in page.findChildren(QProgressBar) if one.accessibleName() == "Add far")
    assert bar.value() == 250
    assert button(page, "Show Add far in Jobs").isVisible()
    why = {"code": "hub.unreachable", "title": "", "message": "The Hub does not answer.", "fix": ""}
    job.change(state="failed", error=why)
    until(lambda: "The Hub does not answer." in shown())
    job.change(state="done", error=None)
    until(lambda: "On their way here" not in shown())


def test_a_version_on_the_hub_can_be_named(
    page: ModelsPage, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ModelAddSpec] = []
    monkeypatch.setattr(JobClient, "submit", lambda _self, _kind, spec, *_: asked.append(spec))
    monkeypatch.setattr(JobClient, "ensure_runner", lambda *_: None)
    page.ask_for_base()
    dialog = page.findChild(AddDialog)
    assert isinstance(dialog, AddDialog)
    for name, text in (("Where it is", "owner/model"), ("Branch, tag or commit on the Hub", "v1.2")):
        (line,) = [one for one in dialog.findChildren(QLineEdit) if one.accessibleName() == name]
        QTest.keyClicks(line, text)
    press_add = next(one for one in dialog.findChildren(QPushButton) if one.accessibleName() == "Add")
    press_add.setFocus()
    QTest.keyClick(press_add, Qt.Key.Key_Space)
    until(lambda: asked)
    assert (asked[0].source, asked[0].revision) == ("owner/model", "v1.2")


def test_the_lineage_is_a_table_too(
    page: ModelsPage, workspace: Workspace, tmp_path: Path, until: Until
) -> None:
    add_model(workspace, tiny_model(tmp_path / "one"), "one")
    until(lambda: listed(page) == ["one"])
    switch = button(page, "Table")
    switch.setFocus()
    QTest.keyClick(switch, Qt.Key.Key_Space)
    (table,) = (
        one for one in page.findChildren(QTableView) if one.accessibleName() == "Where each model comes from"
    )
    until(table.isVisible)
    model = table.model()
    assert [model.index(0, at).data() for at in range(3)] == ["one", "", page.model.state.models[0].how]
