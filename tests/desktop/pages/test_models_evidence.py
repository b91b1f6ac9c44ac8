"""Beside each model stands what studies have found out about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QTableView
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from desktop.pages.models.evidence import evidence_of, read_evidence
from desktop.pages.models.page import ModelsPage
from desktop.pages.models.view_model import identity_of
from desktop.shell.window import MainWindow
from engine.studies.result import StudyResult
from engine.workspace import Workspace, open_workspace
from engine.workspace.tables import Model, Study, now
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


def models(workspace: Workspace) -> dict[str, str]:
    """All models of the workspace, and what their weights are."""
    with workspace.catalogue.reading() as session:
        rows = session.scalars(select(Model).options(selectinload(Model.parents))).all()
        weights = {row.id: row.weights_sha256 for row in rows}
        return {row.name: identity_of(row, weights) for row in rows}


def test_bases_and_merges_have_their_average_and_fine_tunes_their_task(
    workspace: Workspace, result: StudyResult
) -> None:
    found = read_evidence(workspace, models(workspace))
    averages = {row["name"]: row for row in result.ranking["contestants"]}
    for entrant in result.entrants:
        if entrant.kind == "reference":
            assert entrant.name not in found
            continue
        evidence, row = found[entrant.name], averages[entrant.name]
        assert (evidence.elo, evidence.best, evidence.worst) == (row["elo"], row["rank_lo"], row["rank_hi"])
        assert evidence.leads == (entrant.name == result.winner)
        assert len(evidence.tasks) >= len(result.tasks)
    assert result.validation is not None
    pairs = [(task, result.ranking["tasks"][task.dataset]) for task in result.tasks]
    sealed = result.validation.ranking
    pairs.append(
        (result.validation.task, sealed.get("tasks", {}).get(result.validation.task.dataset, sealed))
    )
    checked = 0
    for task, ranking in pairs:
        ranked = {row["name"]: row for row in ranking["contestants"]}
        for figures in task.figures:
            model = figures.contestant.partition("@")[0]
            if model in averages or model not in found:
                continue
            assert found[model].elo == ranked[figures.contestant]["elo"]
            assert [(one.dataset, one.metric) for one in found[model].tasks] == [
                (task.dataset, figures.metric)
            ]
            checked += 1
    assert checked > 8


def test_of_a_sealed_task_a_fine_tune_has_its_own_rating_there(result: StudyResult) -> None:
    assert result.validation is not None
    dataset = result.validation.task.dataset
    row = {"elo": 1234.0, "rank_lo": 2, "rank_hi": 3}
    figures = result.validation.task.figures[0]
    own = {"contestants": [{"name": figures.contestant, **row}]}
    changed = result.model_copy(deep=True)
    assert changed.validation is not None
    changed.validation.ranking = {
        "contestants": [{"name": figures.entrant, "elo": 1.0}],
        "tasks": {dataset: own},
    }
    found = {subject.name: one for subject, one in evidence_of("s", changed, {})}
    evidence = found[figures.contestant.partition("@")[0]]
    assert (evidence.elo, evidence.best, evidence.worst) == (1234.0, 2, 3)


def test_the_newest_study_speaks_for_a_model(workspace: Workspace, result: StudyResult) -> None:
    """And one without a result for none."""
    others = result.model_copy(update={"winner": None})
    with workspace.catalogue.writing() as session:
        row = session.scalars(select(Study).where(Study.name == STUDY)).one()
        for name, days, document in (("older", -9, others.model_dump(mode="json")), ("begun", 9, {})):
            session.add(
                Study(
                    name=name,
                    definition=row.definition,
                    job_id="none",
                    result=document,
                    created_at=row.created_at + timedelta(days=days),
                )
            )
    found = read_evidence(workspace, models(workspace))
    assert {one.study for one in found.values()} == {STUDY}
    with workspace.catalogue.writing() as session:
        session.query(Study).filter_by(name="older").update({"created_at": now() + timedelta(days=30)})
    found = read_evidence(workspace, models(workspace))
    assert {one.study for one in found.values()} == {"older"}
    assert not any(one.leads for one in found.values())
    with workspace.catalogue.writing() as session:
        session.query(Study).filter(Study.name.in_(["older", "begun"])).delete()


def test_another_model_of_the_same_name_is_not_taken_for_the_one_of_a_study(result: StudyResult) -> None:
    figures = result.tasks[0].figures[0]
    known = result.model_copy(deep=True)
    for task in known.tasks:
        for one in task.figures:
            if one.entrant == figures.entrant:
                one.weights = "file"
    made_of = {(figures.contestant, "file"): "base+tuned"}
    model = figures.contestant.partition("@")[0]
    subjects = [subject for subject, _ in evidence_of("s", known, made_of)]
    assert any(one.is_of(model, "base+tuned") for one in subjects)
    assert any(one.is_of("renamed", "base+tuned") for one in subjects)
    assert any(one.is_of(figures.entrant, "base") for one in subjects)
    assert not any(one.is_of(model, "base+other") for one in subjects)
    assert not any(one.is_of(figures.entrant, "other") for one in subjects)


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
    assert "Leads its study" in shown
    assert f"In the study {STUDY}" in shown
    assert f"Rating {row['elo']:.0f}, place" in shown
    wanted = {}
    for task in result.tasks:
        (own,) = (one.metric for one in task.figures if one.entrant == result.winner)
        wanted[f"{task.dataset}: {task.metric_title}"] = round(1000 * own)

    def bars() -> dict[str, int]:
        return {
            one.accessibleName(): one.value() for one in page.findChildren(QProgressBar) if one.isVisible()
        }

    until(lambda: wanted.items() <= bars().items())
    (table,) = (one for one in page.findChildren(QTableView) if one.accessibleName() == "Models")
    ratings = {
        table.model().index(at, 0).data(): table.model().index(at, 3).data()
        for at in range(table.model().rowCount())
    }
    assert ratings[result.winner] == f"{row['elo']:.0f}"
