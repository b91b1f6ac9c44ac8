"""The sealed task, opened by somebody instead of by the study: the winner meets the plain base there, once."""

from __future__ import annotations

from engine.jobs.client import JobClient
from engine.jobs.directory import JobDirectory
from engine.studies.errors import StudyError
from engine.studies.result import StudyResult
from engine.studies.spec import Study, StudySpec
from engine.studies.starting import start_study
from engine.workspace import Workspace
from engine.workspace.naming import study_named


def open_by_hand(workspace: Workspace, client: JobClient, name: str) -> JobDirectory:
    """Let the finished study ``name`` open its sealed task and validate there.

    Raises:
        StudyError: It is not finished, or no sealed task of it waits for that.
        BakeoffError: It cannot be started.
    """
    with workspace.catalogue.reading() as rows:
        row = study_named(rows, name)
        spec, document = StudySpec.model_validate(row.definition), row.result
    if spec.study.sealed_task() is None:
        raise StudyError(
            "study.no_sealed",
            "The study '{name}' has no sealed task.",
            fix="Mark one of its tasks with sealed: true in the study's file, before it is looked at.",
            name=name,
        )
    if not document:
        raise StudyError(
            "study.too_early",
            "The study '{name}' has no ranking yet whose winner could be validated.",
            fix="Wait until it is finished: bakeoff study status {name}",
            name=name,
        )
    if not StudyResult.model_validate(document).still_sealed:
        raise StudyError(
            "study.opened",
            "The study '{name}' has no sealed task that waits to be opened.",
            fix="See what it found with: bakeoff study report {name}",
            name=name,
        )
    return start_study(workspace, client, _opening(spec, by_hand=False))


def choose_opening(workspace: Workspace, client: JobClient, name: str, *, by_hand: bool) -> JobDirectory:
    """Let the sealed task of an unfinished study wait for somebody, or be opened at its end by itself.

    Raises:
        StudyError: It is finished.
        BakeoffError: It cannot be started.
    """
    with workspace.catalogue.reading() as rows:
        row = study_named(rows, name)
        spec, document = StudySpec.model_validate(row.definition), row.result
    if document:
        raise StudyError(
            "study.finished",
            "The study '{name}' is finished.",
            fix="See what it found with: bakeoff study report {name}",
            name=name,
        )
    return start_study(workspace, client, _opening(spec, by_hand=by_hand))


def _opening(spec: StudySpec, *, by_hand: bool) -> StudySpec:
    """The same study that opens its sealed task in another way."""
    opening = "by_hand" if by_hand else "at_end"
    study = Study.model_validate({**spec.study.model_dump(), "opening": opening})
    return spec.model_copy(update={"study": study})
