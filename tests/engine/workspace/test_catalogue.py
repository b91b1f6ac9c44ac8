"""The catalogue: consistent, durable, shared by two programs, refused in words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from engine.locks import is_held
from engine.workspace import Workspace, open_workspace
from engine.workspace.catalogue import HEAD, Catalogue, CatalogueError
from engine.workspace.tables import Endpoint

_WRITER = """
import sys
from engine.workspace import open_workspace
from engine.workspace.tables import Endpoint
workspace, who = open_workspace(sys.argv[1]), sys.argv[2]
for number in range(40):
    with workspace.catalogue.writing() as session:
        # Read, then write: with anything but an immediate transaction two writers would fail or lose one.
        counter = session.get(Endpoint, "counter")
        counter.key_env = str(int(counter.key_env) + 1)
        session.add(Endpoint(name=f"{who}-{number}", base_url="http://x"))
"""


def test_it_is_in_wal_mode_and_waits_for_the_disk(workspace: Workspace) -> None:
    with workspace.catalogue.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_failed_block_leaves_nothing(workspace: Workspace) -> None:
    def add_and_fail() -> None:
        with workspace.catalogue.writing() as session:
            session.add(Endpoint(name="a", base_url="http://x"))
            session.flush()
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        add_and_fail()
    with workspace.catalogue.reading() as session:
        assert session.get(Endpoint, "a") is None


def test_reading_changes_nothing(workspace: Workspace) -> None:
    with workspace.catalogue.reading() as session:
        session.add(Endpoint(name="a", base_url="http://x"))
        session.flush()
    with workspace.catalogue.reading() as session:
        assert session.get(Endpoint, "a") is None


def test_a_reader_sees_one_consistent_state(workspace: Workspace) -> None:
    other = Catalogue(workspace.catalogue.path)
    with workspace.catalogue.reading() as session:
        assert session.scalar(select(func.count()).select_from(Endpoint)) == 0
        with other.writing() as writing:
            writing.add(Endpoint(name="a", base_url="http://x"))
        assert session.scalar(select(func.count()).select_from(Endpoint)) == 0
    with workspace.catalogue.reading() as session:
        assert session.scalar(select(func.count()).select_from(Endpoint)) == 1
    other.close()


def test_two_programs_write_at_once_and_lose_nothing(workspace: Workspace) -> None:
    with workspace.catalogue.writing() as session:
        session.add(Endpoint(name="counter", base_url="http://x", key_env="0"))
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(workspace.root), who], stderr=subprocess.PIPE)
        for who in ("one", "two")
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors.decode()
    with workspace.catalogue.reading() as session:
        counter = session.get(Endpoint, "counter")
        assert counter is not None
        assert counter.key_env == "80"
        assert session.scalar(select(func.count()).select_from(Endpoint)) == 81


def test_two_programs_make_a_new_catalogue_at_once(tmp_path: Path) -> None:
    open_workspace(tmp_path / "w")
    script = (
        "import sys\nfrom engine.workspace import open_workspace\n"
        "sys.stdin.readline()\n"
        "with open_workspace(sys.argv[1]).catalogue.reading() as session: pass\n"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "w")],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write(b"go\n")
        maker.stdin.flush()
    for maker in makers:
        _, errors = maker.communicate(timeout=60)
        assert maker.returncode == 0, errors.decode()


def test_a_newer_schema_is_refused_and_not_touched(workspace: Workspace) -> None:
    workspace.catalogue.close()
    path = workspace.root / "catalogue.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(CatalogueError) as refused:
        Catalogue(path)
    assert refused.value.code == "catalogue.newer"
    assert "9999" in refused.value.message
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    connection.close()


def test_something_that_is_no_catalogue_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(CatalogueError) as refused:
        Catalogue(path)
    assert refused.value.code == "catalogue.unreadable"
    assert str(path) in refused.value.message


def test_a_disk_without_space_is_told_in_words(workspace: Workspace) -> None:
    with workspace.catalogue.writing() as session:
        session.execute(text("SELECT 1"))
    limited = Catalogue(workspace.catalogue.path)

    def add_too_much() -> None:
        with limited.writing() as session:
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(3000):
                session.add(Endpoint(name=f"e{number}", base_url="x" * 500))
            session.flush()

    with pytest.raises(CatalogueError) as refused:
        add_too_much()
    assert refused.value.code == "catalogue.unusable"
    assert "full" in refused.value.message
    limited.close()


def test_a_read_only_workspace_is_told_in_words(tmp_path: Path) -> None:
    root = open_workspace(tmp_path / "workspace").root
    open_workspace(root).catalogue.close()
    view = tmp_path / "view"
    view.mkdir()
    commands = (["mount", "--bind", str(root), str(view)], ["mount", "-o", "remount,ro,bind", str(view)])
    if any(subprocess.run(one, capture_output=True, check=False).returncode for one in commands):
        subprocess.run(["umount", str(view)], capture_output=True, check=False)
        pytest.skip("may not mount a read-only view here")
    try:
        with pytest.raises(CatalogueError) as refused:
            _ = open_workspace(view).catalogue
        assert not is_held(open_workspace(view).runner_lock)
    finally:
        subprocess.run(["umount", str(view)], check=True)
    assert refused.value.code == "catalogue.read_only"
    assert "writable" in refused.value.fix


def test_alembic_is_not_imported_for_a_catalogue_of_today(workspace: Workspace) -> None:
    with workspace.catalogue.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    script = (
        "import sys\nfrom engine.workspace import open_workspace\n"
        "with open_workspace(sys.argv[1]).catalogue.reading() as session: pass\n"
        "print('alembic' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(workspace.root)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
