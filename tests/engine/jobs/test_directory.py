"""The job directory: whole or not at all, refused when newer, and wishes that survive half lines."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.jobs.client import JobClient
from engine.jobs.directory import PROTOCOL, JobDirectory, JobError, Request, all_jobs, create, new_job_id
from engine.models.spec import ModelAddSpec
from engine.workspace import Workspace


def _request(job_id: str, created: float = 1.0) -> Request:
    return Request(
        id=job_id, kind="model_add", title="Add", spec={"source": "/x"}, created=created, lane="compute"
    )


def test_a_new_job_is_queued_and_reads_back(tmp_path: Path) -> None:
    job = create(tmp_path, _request("job-1"))
    assert job.request() == _request("job-1")
    assert job.status().state == "queued"
    assert job.result() is None
    assert job.wishes() == []
    assert not job.alive()
    assert [path.name for path in tmp_path.iterdir()] == ["job-1"]


def test_ids_sort_by_time_and_say_what_they_are() -> None:
    first = new_job_id("dataset_import")
    assert "dataset-import" in first
    assert first != new_job_id("dataset_import")


@pytest.mark.parametrize("job_id", ["", "a/b", "../x", "a b", "x" * 97])
def test_an_id_that_is_no_folder_name_is_refused(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(JobError) as refused:
        create(tmp_path, _request(job_id))
    assert refused.value.code == "job.bad_id"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_job_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobError) as unknown:
        JobDirectory(tmp_path / "nothing").request()
    assert unknown.value.code == "job.unknown"


def test_jobs_are_listed_oldest_first_and_unfinished_folders_not_at_all(tmp_path: Path) -> None:
    create(tmp_path, _request("b", created=2.0))
    create(tmp_path, _request("c", created=1.0))
    create(tmp_path, _request("a", created=2.0))
    (tmp_path / ".d.1234.partial").mkdir()
    (tmp_path / "e").mkdir()
    assert [job.id for job in all_jobs(tmp_path)] == ["c", "a", "b"]


def test_a_job_of_a_newer_bakeoff_is_refused_in_words_and_hides_no_other(tmp_path: Path) -> None:
    create(tmp_path, _request("old"))
    newer = create(tmp_path, _request("newer"))
    spec = newer.path / "spec.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"protocol": PROTOCOL + 1, "unheard": 1}))
    with pytest.raises(JobError) as refused:
        newer.request()
    assert refused.value.code == "job.newer"
    assert [job.id for job in all_jobs(tmp_path)] == ["old"]


def test_changes_keep_the_other_fields(tmp_path: Path) -> None:
    job = create(tmp_path, _request("job-1"))
    job.change(state="running", attempt=1, started=5.0)
    job.change(progress={"done": 1}, heartbeat=6.0)
    status = job.status()
    assert (status.state, status.attempt, status.started) == ("running", 1, 5.0)
    assert (status.progress, status.heartbeat) == ({"done": 1}, 6.0)


@pytest.mark.parametrize("content", [b"", b'{"state": "runn', b"[]", b'{"state": "dancing"}', b"\x00" * 99])
def test_a_status_that_a_power_cut_damaged_means_that_it_was_running(tmp_path: Path, content: bytes) -> None:
    job = create(tmp_path, _request("job-1"))
    (job.path / "status.json").write_bytes(content)
    assert job.status().state == "running"


def test_wishes_are_kept_in_order_and_half_ones_skipped(tmp_path: Path) -> None:
    job = create(tmp_path, _request("job-1"))
    job.ask("pause")
    with (job.path / "control.jsonl").open("ab") as stream:
        stream.write(b'{"action": "sto')
    assert job.wishes() == ["pause"]
    job.ask("resume")
    assert job.wishes() == ["pause", "resume"]


def test_the_client_finds_a_job_by_an_unambiguous_end(workspace: Workspace) -> None:
    client = JobClient(workspace)
    first = create(workspace.jobs, _request("20260101-model-add-abc123"))
    create(workspace.jobs, _request("20260101-model-add-def456"))
    assert client.job("abc123").id == first.id
    assert client.job(first.id).id == first.id
    for ambiguous in ("20260101", "zzz", ""):
        with pytest.raises(JobError):
            client.job(ambiguous)


def test_a_chosen_id_is_submitted_once(workspace: Workspace) -> None:
    client = JobClient(workspace)
    spec = ModelAddSpec(source="/x", name="x")
    first = client.submit("model_add", spec, "Add x", job_id="study-train-x")
    again = client.submit("model_add", spec, "Add x again", job_id="study-train-x")
    assert first.id == again.id
    assert again.request().title == "Add x"
    assert len(all_jobs(workspace.jobs)) == 1


def test_an_unfinished_job_has_no_summary(workspace: Workspace) -> None:
    client = JobClient(workspace)
    job = client.submit("model_add", ModelAddSpec(source="/x", name="x"), "Add x")
    job.change(state="paused", ended=time.time())
    with pytest.raises(BakeoffError) as parked:
        client.finished(job)
    assert parked.value.code == "job.paused"
    assert job.id in parked.value.fix


def test_fields_of_a_later_version_of_the_same_protocol_are_passed_over(tmp_path: Path) -> None:
    job = create(tmp_path, _request("job-1"))
    for name in ("spec.json", "status.json"):
        file = job.path / name
        file.write_text(json.dumps(json.loads(file.read_text()) | {"unheard_of": 1}))
    assert job.request() == _request("job-1")
    assert job.status().state == "queued"


def test_on_a_full_disk_a_change_of_state_still_finds_room_in_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.jobs import directory

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    job = create(tmp_path, _request("job-1"))
    monkeypatch.setattr(directory, "write_json", full)
    job.change(state="failed", error={"code": "job.disk_full"})
    assert job.status().state == "failed"
    assert job.status().error == {"code": "job.disk_full"}


def test_of_two_who_make_the_same_job_at_the_same_moment_both_get_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.jobs import directory

    client, write = JobClient(workspace), directory.write_json
    made: list[JobDirectory] = []

    def slower(path: Path, content: object, **more: object) -> None:
        """Another one makes it while this one writes."""
        if not made:
            made.append(JobDirectory(path))  # so that the other one is not slowed down
            made[0] = client.submit("model_add", ModelAddSpec(source="x", name="x"), "x", job_id="step-1")
        write(path, content, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(directory, "write_json", slower)
    mine = client.submit("model_add", ModelAddSpec(source="x", name="x"), "x", job_id="step-1")
    assert mine.path == made[0].path
    assert mine.request().id == "step-1"
    assert [path.name for path in workspace.jobs.iterdir()] == ["step-1"]
