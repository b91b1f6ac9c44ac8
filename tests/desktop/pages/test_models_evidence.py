"""Beside each model stands what studies have found out about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QTableView
from sqlalchemy import select

from desktop.pages.models.evidence import evidence_of, read_evidence
from desktop.pages.models.page import ModelsPage
from desktop.shell.window import MainWindow
from engine.studies.result import StudyResult
from engine.workspace import Workspace, open_workspace
from engine.workspace.tables import Study
from tests.desktop.conftest import Until
from tests.sample import make
from tests.sample.names import STUDY


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "workspace"
    make(root)
    return root


@pytest.fixture
def workspace(sample: Path) -> Workspace:
    return open_workspace(sample)


@pytest.fixture
def result(workspace: Workspace) -> StudyResult:
    with workspace.catalogue.reading() as session:
        return StudyResult.model_validate(session.scalar(select(Study.result).where(Study.name == STUDY)))


def test_bases_and_merges_have_their_average_and_fine_tunes_their_task(
    workspace: Workspace, result: StudyResult
) -> None:
    found = read_evidence(workspace)
    averages = {row["name"]: row for row in result.ranking["contestants"]}
    for entrant in result.entrants:
        if entrant.kind == "reference":
            assert entrant.name not in found
            continue
        evidence, row = found[entrant.name], averages[entrant.name]
        assert (evidence.elo, evidence.best, evidence.worst) == (row["elo"], row["rank_lo"], row["rank_hi"])
        assert evidence.leads == (entrant.name == result.winner)
        assert len(evidence.tasks) >= len(result.tasks)
    checked = 0
    for task in result.tasks:
        ranked = {row["name"]: row for row in result.ranking["tasks"][task.dataset]["contestants"]}
        for figures in task.figures:
            model = figures.contestant.partition("@")[0]
            if model not in found or model in averages:
                continue
            evidence = found[model]
            assert evidence.elo == ranked[figures.contestant]["elo"]
            assert [(one.dataset, one.metric) for one in evidence.tasks] == [(task.dataset, figures.metric)]
            checked += 1
    assert checked > 4


def test_the_newest_study_speaks_for_a_model_and_one_without_result_for_none(
    workspace: Workspace, result: StudyResult
) -> None:
    older = evidence_of("older", result.model_copy(update={"winner": None}))
    assert not any(one.leads for one in older.values())
    assert {one.study for one in read_evidence(workspace).values()} == {STUDY}


def test_the_page_tells_rating_places_and_tasks(
    workspace: Workspace, result: StudyResult, window: MainWindow, until: Until
) -> None:
    window.go("models", result.winner)
    page = window.page
    assert isinstance(page, ModelsPage)
    until(lambda: bool(page.model.state.models))
    page.model.select_named(str(result.winner))
    until(lambda: (one := page.model.state.model(page.model.state.selected)) and one.name == result.winner)
    row = next(one for one in result.ranking["contestants"] if one["name"] == result.winner)
    shown = "\n".join(one.text() for one in page.findChildren(QLabel) if one.isVisible())
    assert "Has won" in shown
    assert f"In the study {STUDY}" in shown
    assert f"Rating {row['elo']:.0f}, place" in shown
    bars = {one.accessibleName(): one.value() for one in page.findChildren(QProgressBar) if one.isVisible()}
    for task in result.tasks:
        (own,) = (one.metric for one in task.figures if one.entrant == result.winner)
        assert bars[f"{task.dataset}: {task.metric_title}"] == round(1000 * own)
    table = page.findChild(QTableView)
    assert table is not None
    ratings = {
        table.model().index(at, 0).data(): table.model().index(at, 3).data()
        for at in range(table.model().rowCount())
    }
    assert ratings[result.winner] == f"{row['elo']:.0f}"
