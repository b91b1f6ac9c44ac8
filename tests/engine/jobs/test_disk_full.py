"""A full disk: a plain sentence, nothing half, and the same job succeeds once there is space."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.client import JobClient, JobFailedError
from engine.workspace import Workspace, open_workspace
from engine.workspace.settings import change
from tests.conftest import clean_environment, end_processes_of
from tests.engine.jobs.helpers import submit_import, write_rows

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs limits or a small file system")

_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
from engine.cli.main import main
main(sys.argv[1:])
"""


def test_a_file_that_does_not_fit_fails_the_import_and_leaves_nothing(tmp_path: Path) -> None:
    """With a limit on the size of files, which the runner and its workers inherit."""
    workspace = open_workspace(tmp_path / "workspace")
    file = write_rows(tmp_path / "rows.jsonl", 12_000)
    arguments = ["dataset", "import", str(file), "--name", "rows"]
    environment = clean_environment(workspace.root, tmp_path)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _LIMITED, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 1, ran.stderr
        last = ran.stderr.strip().splitlines()[-1]
        assert "Traceback" not in ran.stderr
        assert "space" in last or "full" in last or "large" in last, last
        assert list(workspace.datasets.iterdir()) == []
    finally:
        end_processes_of(workspace.root)
    # With space, the same words succeed.
    again = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    end_processes_of(workspace.root)
    assert again.returncode == 0, again.stderr


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 3 MB, or of as many as the test wants."""
    folder = tmp_path / "small"
    folder.mkdir()
    size = f"size={getattr(request, 'param', 3)}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("may not mount a small file system here")
    yield folder
    end_processes_of(folder)
    subprocess.run(["umount", str(folder)], check=True)


def open_on(small_disk: Path) -> Workspace:
    """A workspace whose jobs begin however little is free."""
    workspace = open_workspace(small_disk / "workspace")
    change(workspace, "least_free_gb", 0)
    return workspace


def test_a_disk_that_fills_up_fails_the_job_and_not_the_runner(small_disk: Path, tmp_path: Path) -> None:
    workspace = open_on(small_disk)
    client = JobClient(workspace)
    too_much = submit_import(client, write_rows(tmp_path / "rows.jsonl", 20_000), "too-much")
    client.ensure_runner()
    with pytest.raises(JobFailedError) as failed:
        client.wait(too_much)
    assert "space" in failed.value.sentence() or "full" in failed.value.sentence()
    assert list(workspace.datasets.iterdir()) == []

    little = submit_import(client, write_rows(tmp_path / "few.jsonl", 50), "little")
    client.ensure_runner()
    assert client.wait(little)["examples"] == 50
    workspace.catalogue.close()


@pytest.mark.parametrize("small_disk", [60], indirect=True)
def test_a_disk_that_others_fill_while_a_job_runs_ends_it_in_words(small_disk: Path, tmp_path: Path) -> None:
    workspace = open_on(small_disk)
    client = JobClient(workspace)
    job = submit_import(client, write_rows(tmp_path / "rows.jsonl", 30_000), "rows")
    client.ensure_runner()
    filled = False
    for _ in client.follow([job]):
        if not filled and job.status().progress:
            filled = True
            _fill(small_disk / "filler")
    assert filled
    with pytest.raises(JobFailedError) as failed:
        client.finished(job)
    assert "space" in failed.value.sentence()
    assert "Traceback" not in failed.value.sentence()
    (small_disk / "filler").unlink()
    client.ask(job, "resume")
    assert client.wait(job)["examples"] == 30_000
    workspace.catalogue.close()


def _fill(file: Path) -> None:
    """Take every free byte of a disk."""
    with file.open("wb", buffering=0) as stream:
        for size in (65_536, 4096, 512, 1):
            try:
                while stream.write(b"x" * size):
                    pass
            except OSError:
                continue
