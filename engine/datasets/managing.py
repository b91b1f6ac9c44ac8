"""Renaming and removing datasets. What is removed lies in the workspace's trash until that is emptied."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from engine.datasets.errors import DatasetError
from engine.files import folder_bytes, write_json
from engine.jobs.inputs import require_unread
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named, require_free
from engine.workspace.tables import ApiOutput, Contestant, Dataset, OutputSet, Verdict
from engine.workspace.trash import RECORD, new_place, removed_records

#: Tables that speak of a dataset, in the order in which their rows come back.
_TABLES: Final = (Dataset, Contestant, OutputSet, ApiOutput, Verdict)


@dataclass(frozen=True)
class RemovedDataset:
    """A dataset in the trash, with the answers to its prompts and the verdicts on them.

    Attributes:
        name: That it had.
        folder: Where it lies in the trash.
        bytes: That emptying the trash will free.
        answers: Sets of answers.
        verdicts: Number of verdicts.
    """

    name: str
    folder: Path
    bytes: int
    answers: int
    verdicts: int


def rename_dataset(workspace: Workspace, name: str, new: str) -> None:
    """Call a dataset something else.

    Raises:
        NameUnknownError: There is none of this name.
        NameTakenError: The new one is in use, or can be no name.
        InUseError: A job that is not over knows it by the old one.
    """
    with workspace.catalogue.writing() as session:
        row = dataset_named(session, name)
        require_unread(workspace, "dataset", name, made_by=row.id, act="rename")
        require_free(session, Dataset, new)
        row.name = new


def remove_dataset(workspace: Workspace, name: str) -> RemovedDataset:
    """Take a dataset out of the workspace and into its trash; files of others stay where they are.

    Raises:
        NameUnknownError: There is none of this name.
        InUseError: A job that is not over reads it.
    """
    with workspace.catalogue.writing() as session:
        row = dataset_named(session, name)
        require_unread(workspace, "dataset", name, made_by=row.id, act="remove")
        contestants = select(Contestant.id).where(Contestant.dataset_id == row.id)
        queries = {
            Dataset: select(Dataset).where(Dataset.id == row.id),
            Contestant: select(Contestant).where(Contestant.dataset_id == row.id),
            OutputSet: select(OutputSet).where(OutputSet.contestant_id.in_(contestants)),
            ApiOutput: select(ApiOutput).where(ApiOutput.contestant_id.in_(contestants)),
            Verdict: select(Verdict).where(Verdict.dataset_id == row.id),
        }
        rows = {
            table.__tablename__: [_columns(one) for one in session.scalars(queries[table])]
            for table in _TABLES
        }
        places = [workspace.absolute(row.folder)]
        places += [workspace.absolute(one["file"]) for one in rows[OutputSet.__tablename__]]
        # Only what lies in the workspace is ours to take away.
        owned = [
            place
            for place in places
            if place.parent in (workspace.datasets, workspace.outputs) and place.exists()
        ]
        folder = new_place(workspace, row.id)
        folder.mkdir(parents=True)
        record = {"rows": rows, "places": [workspace.relative(place) for place in owned]}
        write_json(folder / RECORD, record)
        session.delete(row)
    size = 0
    for number, place in enumerate(owned):
        size += folder_bytes(place) if place.is_dir() else place.stat().st_size
        place.rename(folder / str(number))
    answers, verdicts = (len(rows[table.__tablename__]) for table in (OutputSet, Verdict))
    return RemovedDataset(name, folder, size, answers, verdicts)


def restore_dataset(workspace: Workspace, removed: RemovedDataset) -> None:
    """Bring a dataset back from the trash, with its answers and verdicts.

    Raises:
        NameTakenError: Its name is another one's by now.
        DatasetError: It is no longer in the trash.
    """
    file = removed.folder / RECORD
    if not file.is_file():
        raise DatasetError(
            "dataset.not_in_trash",
            "'{name}' is no longer in the trash.",
            fix="Import it again.",
            name=removed.name,
        )
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    with workspace.catalogue.writing() as session:
        require_free(session, Dataset, record["rows"][Dataset.__tablename__][0]["name"])
        for table in _TABLES:
            session.add_all(table(**_values(table, one)) for one in record["rows"][table.__tablename__])
            session.flush()
        for number, place in enumerate(record["places"]):
            (removed.folder / str(number)).rename(workspace.absolute(place))
    shutil.rmtree(removed.folder)


def removed_datasets(workspace: Workspace) -> list[RemovedDataset]:
    """The datasets in the trash, the last removed first."""
    found = []
    for folder, record in removed_records(workspace):
        if "rows" in record:
            rows = record["rows"]
            answers, verdicts = (len(rows[table.__tablename__]) for table in (OutputSet, Verdict))
            name = str(rows[Dataset.__tablename__][0]["name"])
            found.append(RemovedDataset(name, folder, folder_bytes(folder), answers, verdicts))
    return found


def _columns(row: Any) -> dict[str, Any]:
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def _values(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    times = {column.key for column in table.__table__.columns if column.key.endswith("_at")}
    return {
        name: datetime.fromisoformat(value) if name in times and value is not None else value
        for name, value in row.items()
    }
