"""Adoption: what a finished job made enters the catalogue, in one transaction keyed by the job's id.

Doing it twice changes nothing, so whoever finds a finished job first may do it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.workspace.catalogue import Catalogue
from engine.workspace.naming import free_name
from engine.workspace.tables import Contestant, Dataset, Export, Job, Model, OutputSet, Parentage, Study


class NewDataset(BaseModel):
    """A dataset that a job imported."""

    id: str
    name: str
    folder: str
    manifest: dict[str, Any]
    sealed: bool = False


class NewParent(BaseModel):
    """A parent of a new model."""

    name: str
    sha256: str
    id: str | None = None


class NewModel(BaseModel):
    """A model that a job made or added."""

    id: str
    name: str
    kind: Literal["base", "adapter", "merge"]
    folder: str
    weights_sha256: str
    info: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    parents: list[NewParent] = Field(default_factory=list)


class NewExport(BaseModel):
    """A GGUF file that a job made of a model."""

    id: str
    model_id: str
    made_of: str
    quantisation: str
    file: str
    sha256: str
    info: dict[str, Any] = Field(default_factory=dict)


class NewContestant(BaseModel):
    """A contestant that answered."""

    id: str
    name: str
    entrant: str
    dataset_id: str
    identity: dict[str, Any]


class NewOutputSet(BaseModel):
    """A Parquet file of answers of one contestant."""

    id: str
    contestant_id: str
    file: str
    count: int


class StudyResult(BaseModel):
    """What a study has found."""

    name: str
    result: dict[str, Any]


class Adoption(BaseModel):
    """Everything of a job's result that the catalogue takes over."""

    datasets: list[NewDataset] = Field(default_factory=list)
    models: list[NewModel] = Field(default_factory=list)
    exports: list[NewExport] = Field(default_factory=list)
    contestants: list[NewContestant] = Field(default_factory=list)
    output_sets: list[NewOutputSet] = Field(default_factory=list)
    studies: list[StudyResult] = Field(default_factory=list)


def adopt(
    catalogue: Catalogue,
    *,
    job_id: str,
    kind: str,
    title: str,
    study: str | None,
    summary: dict[str, Any],
    what: Adoption,
) -> bool:
    """Take over what job ``job_id`` made.

    Returns:
        False when the job had been adopted before, and nothing changed.
    """
    with catalogue.writing() as session:
        if session.get(Job, job_id) is not None:
            return False
        renamed = _add_rows(session, job_id, what)
        for key in ("name", "model"):
            if summary.get(key) in renamed:
                summary = {**summary, key: renamed[summary[key]]}
        session.add(Job(id=job_id, kind=kind, title=title, study=study, summary=summary))
    return True


def adopted_summary(catalogue: Catalogue, job_id: str) -> dict[str, Any] | None:
    """The summary of an adopted job; None for one that is not."""
    with catalogue.reading() as session:
        job = session.get(Job, job_id)
        return None if job is None else job.summary


def ensure_contestant(session: Session, new: NewContestant) -> None:
    """Add a contestant unless its identity is known already."""
    if session.get(Contestant, new.id) is None:
        session.add(Contestant(**new.model_dump()))
        session.flush()


def _add_rows(session: Session, job_id: str, what: Adoption) -> dict[str, str]:
    """Add what a job made; returns wanted name -> given name, where the wanted one was taken meanwhile."""
    renamed: dict[str, str] = {}
    for dataset in what.datasets:
        fields = {**dataset.model_dump(), "name": free_name(session, Dataset, dataset.name)}
        session.add(Dataset(**fields, job_id=job_id))
        session.flush()
        if fields["name"] != dataset.name:
            renamed[dataset.name] = fields["name"]
    for model in what.models:
        fields = {**model.model_dump(exclude={"parents"}), "name": free_name(session, Model, model.name)}
        parents = [
            Parentage(
                position=position,
                parent_id=parent.id if parent.id and session.get(Model, parent.id) else None,
                parent_name=parent.name,
                parent_sha256=parent.sha256,
            )
            for position, parent in enumerate(model.parents)
        ]
        session.add(Model(**fields, job_id=job_id, parents=parents))
        session.flush()
        if fields["name"] != model.name:
            renamed[model.name] = fields["name"]
    for export in what.exports:
        if session.get(Model, export.model_id) is not None:  # it may have been removed meanwhile
            # A file that was written over is no longer what the catalogue said of it.
            for old in session.scalars(select(Export).where(Export.file == export.file)):
                if old.id != export.id:
                    session.delete(old)
            session.merge(Export(**export.model_dump()))
    for contestant in what.contestants:
        ensure_contestant(session, contestant)
    for output_set in what.output_sets:
        session.merge(OutputSet(**output_set.model_dump(), job_id=job_id))
    for study in what.studies:
        row = session.get(Study, study.name)
        if row is not None:
            row.result = study.result
    return renamed
