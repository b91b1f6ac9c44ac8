"""The two models of a workspace that are most worth merging."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy import select

from engine.models.families import Family, Member, members
from engine.studies.result import StudyResult
from engine.workspace import Workspace
from engine.workspace.tables import Study


def strongest_pair(workspace: Workspace) -> tuple[str, ...]:
    """Two models that fit each other, the stronger one first; nothing where no two do.

    They are the highest in the ranking of the newest finished study that are still there; where no study says
    anything of two that fit, the newest ones, the older of them first.
    """
    known = members(workspace)
    by_name = {one.name: one for one in known}
    for order in _rankings(workspace):
        pair = _first_two([by_name[name] for name in order if name in by_name])
        if pair:
            return pair
    return tuple(reversed(_first_two(known)))


def _first_two(models: Sequence[Member]) -> tuple[str, ...]:
    """The first two of one family."""
    seen: dict[Family, str] = {}
    for one in models:
        if one.family in seen:
            return seen[one.family], one.name
        seen[one.family] = one.name
    return ()


def _rankings(workspace: Workspace) -> list[list[str]]:
    """Bases and merges of each finished study, best first; the newest study first."""
    with workspace.catalogue.reading() as session:
        documents = list(session.scalars(select(Study.result).order_by(Study.created_at.desc())))
    found = []
    for document in documents:
        try:
            result = StudyResult.model_validate(document)
        except ValidationError:  # it has none yet
            continue
        ours = {entrant.name for entrant in result.entrants if entrant.kind != "reference"}
        ranked = result.ranking.get("contestants", [])
        found.append([str(row["name"]) for row in ranked if row["name"] in ours])
    return found
