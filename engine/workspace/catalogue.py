"""The catalogue: one SQLite file in WAL mode, opened by several programs at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from engine.errors import BakeoffError
from engine.workspace.tables import Table

#: Revision of the schema that `engine.workspace.tables` describes (see migrations/versions).
HEAD: Final = "0002"
#: How long a writer waits for another program's transaction, in milliseconds.
_BUSY_MS: Final = 30_000


class CatalogueError(BakeoffError):
    """The catalogue cannot be read or written."""

    title = "The catalogue cannot be used"


class Catalogue:
    """Sessions on the catalogue file.

    Reading sees one consistent state; writing takes the write lock at once (``BEGIN IMMEDIATE``) and
    returns only when the disk has the change (``synchronous=FULL``), because verdicts cost money.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _connect(path)
        try:
            self._prepare()
        except DatabaseError as error:
            if not os.access(path.parent, os.W_OK):
                raise CatalogueError(
                    "catalogue.read_only",
                    "The workspace {file} cannot be written, and its catalogue cannot be opened without that.",
                    fix="Make the folder writable, or copy it to where you can write.",
                    file=str(path.parent),
                ) from error
            raise CatalogueError(
                "catalogue.unreadable",
                "The catalogue {file} cannot be read: {reason}.",
                fix="Restore the workspace from a copy, or open another one.",
                file=str(path),
                reason=str(error.orig),
            ) from error

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing."""
        with self._told(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed when the block ends well, and undone otherwise."""
        with self._told(), Session(self._engine, expire_on_commit=False) as session:
            session.connection(execution_options={"bakeoff_immediate": True})
            yield session
            session.commit()

    def close(self) -> None:
        """Close all connections (needed before the folder is moved)."""
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Put what the disk or the file is to blame for into words."""
        try:
            yield
        except OperationalError as error:
            raise CatalogueError(
                "catalogue.unusable",
                "The catalogue {file} cannot be used now: {reason}.",
                fix="Check the free space and the permissions of its folder.",
                file=str(self.path),
                reason=str(error.orig),
            ) from error

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            revision = _revision(connection)
            if revision == HEAD:
                return
            if revision is None:
                self._create()
                return
        if revision > HEAD:
            raise CatalogueError(
                "catalogue.newer",
                "The catalogue {file} was written by a newer Bakeoff (schema {revision}).",
                fix="Update Bakeoff, or open another workspace.",
                file=str(self.path),
                revision=revision,
            )
        from alembic.util import CommandError

        from engine.workspace.migrations import upgrade

        try:
            upgrade(self._engine)
        except CommandError as error:
            raise CatalogueError(
                "catalogue.unknown_schema",
                "The catalogue {file} has a schema that no Bakeoff has ever written ({revision}).",
                fix="Restore the workspace from a copy, or open another one.",
                file=str(self.path),
                revision=revision,
            ) from error

    def _create(self) -> None:
        with self._engine.connect() as connection:
            connection = connection.execution_options(bakeoff_immediate=True)
            with connection.begin():
                if _revision(connection) is not None:
                    return  # another program was faster
                Table.metadata.create_all(connection)
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
                connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _revision(connection: Any) -> str | None:
    known = connection.execute(
        text("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    ).scalar()
    if not known:
        return None
    value = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if value is None else str(value)


def _connect(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `_begin` below does, with the right kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get("bakeoff_immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
