"""Which models have one architecture and size, so that they can be merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from engine.workspace import Workspace
from engine.workspace.tables import Model

#: Equal for models that can be merged.
Family = tuple[Any, ...]


@dataclass(frozen=True)
class Member:
    """A model and the family that it is of.

    Attributes:
        family: An adapter's is its base's; its own id where the base is not in the workspace.
    """

    name: str
    kind: str
    family: Family


def family_of(info: Mapping[str, Any]) -> Family:
    """The family of a model that `engine.models.inspect` has looked at."""
    return tuple(info.get(key) for key in ("architecture", "layers", "hidden", "vocabulary"))


def members(workspace: Workspace) -> list[Member]:
    """All models, newest first."""
    with workspace.catalogue.reading() as session:
        query = select(Model).options(selectinload(Model.parents))
        rows = session.scalars(query.order_by(Model.created_at.desc(), Model.name)).all()
        known = {row.id: row for row in rows}
        found = []
        for row in rows:
            base: Model | None = row
            while base is not None and base.kind == "adapter":
                parent = base.parents[0].parent_id if base.parents else None
                base = known.get(parent) if parent is not None else None
            found.append(Member(row.name, row.kind, family_of(base.info) if base is not None else (row.id,)))
    return found
