"""The file for a report: what is in it, and above all what is not."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from engine.datasets.spec import ImportSpec, SourceSpec
from engine.diagnostics import clean, write_diagnostics
from engine.errors import BakeoffError
from engine.jobs.directory import Request, create
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import do

HOME, MAC = "/" + "home/", "/" + "Users/"


def test_it_tells_of_machine_and_jobs_and_of_no_data_and_no_key(
    workspace: Workspace, tmp_path: Path, cli: Cli
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"my private question {n}", "completion": "a private answer"} for n in range(20)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    job, _ = do(
        workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name="secret-task")
    )
    with job.log.open("a", encoding="utf-8") as log:
        log.write(f"asked with sk-abcdefghijklmnop in {Path.home()}/things\n")
    done = cli("doctor", "--bundle", tmp_path / "told.zip", "--json")
    assert done.status == 0, done.stderr
    assert zipfile.is_zipfile(done.json["bundle"])
    with zipfile.ZipFile(write_diagnostics(workspace, tmp_path / "out.zip")) as bundle:
        texts = {name: bundle.read(name).decode("utf-8") for name in bundle.namelist()}
    assert json.loads(texts["machine.json"])["version"]
    told = json.loads(texts[f"jobs/{job.id}/job.json"])
    assert (told["kind"], told["state"]) == ("dataset_import", "done")
    everything = "\n".join(texts.values())
    for private in ("private question", "private answer", "sk-abcdefghijklmnop", f"{Path.home()}/things"):
        assert private not in everything
    assert str(workspace.root) not in everything
    assert "[left out]" in texts[f"jobs/{job.id}/worker.log"]


def test_the_jobs_that_were_at_work_last_are_in_it(workspace: Workspace, tmp_path: Path) -> None:
    """Those of a study have names that come after all dates."""
    for name, created in (*((f"demo.step-{n}", 100.0 + n) for n in range(25)), ("20261231-import", 5_000.0)):
        create(workspace.jobs, Request(name, "dataset_import", name, {}, created, "compute"))
    with zipfile.ZipFile(write_diagnostics(workspace, tmp_path / "out.zip")) as bundle:
        jobs = {name.split("/")[1] for name in bundle.namelist() if name.startswith("jobs/")}
    assert len(jobs) == 20
    assert {"20261231-import", "demo.step-24"} < jobs
    assert "demo.step-0" not in jobs


def test_a_place_that_cannot_be_written_is_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BakeoffError, match="cannot be written"):
        write_diagnostics(workspace, tmp_path / "missing" / "out.zip")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-123456", "Authorization: [left out]"),
        ("hf_abcdefghijklmn and hf-abcdefgh", "[left out] and [left out]"),
        (f"{HOME}anna/data and {MAC}otto/x", f"{HOME}someone/data and {MAC}someone/x"),
        ("a task about skating", "a task about skating"),
    ],
)
def test_what_is_left_out_of_a_text(text: str, left: str) -> None:
    assert clean(text) == left
