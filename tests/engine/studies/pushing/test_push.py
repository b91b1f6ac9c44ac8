"""Releases are pushed to a stand-in for the Hub that receives every byte."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.client import JobFailedError
from engine.studies.pushing import hub as hubs
from engine.studies.pushing.spec import PushSpec
from engine.studies.release.bundle import write_sums
from engine.workspace import Workspace
from tests.engine.studies.pushing.stand_in import TOKEN, PushHub, Repository, push_hub
from tests.here import do


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PushHub]:
    from huggingface_hub import constants

    # Its storage protocol is that of files, not of parts of files.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hubs, "_WAITS", (0.1, 0.1))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with push_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """What a release leaves, as far as a push goes: two large files, some small ones, a folder."""
    folder = tmp_path / "mine"
    (folder / "adapter").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n", encoding="utf-8")
    (folder / "release.json").write_text(json.dumps({"kind": "release"}), encoding="utf-8")
    (folder / "mine-q8_0.gguf").write_bytes(b"GGUF" + bytes(range(256)) * 200)
    (folder / "model.safetensors").write_bytes(b"weights" * 20_000)
    (folder / "adapter" / "adapter_config.json").write_text("{}", encoding="utf-8")
    write_sums(folder)
    return folder


def push(
    workspace: Workspace, bundle: Path, name: str = "me/mine", *, public: bool = False
) -> dict[str, object]:
    return do(workspace, "push", PushSpec(folder=str(bundle), repository=name, public=public))[1]


def everything(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_every_file_arrives_in_one_commit_that_only_its_owner_sees(
    hub: PushHub, workspace: Workspace, bundle: Path
) -> None:
    summary = push(workspace, bundle)
    known = hub.repositories["me/mine"]
    assert known.private
    assert known.commits == 1
    assert known.files == {".gitattributes": b"", **everything(bundle)}
    assert summary["private"] is True
    assert summary["url"] == f"{hub.url}/me/mine"
    assert TOKEN not in "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in workspace.jobs.rglob("*")
        if path.is_file()
    )


def test_public_only_when_it_is_asked_for(hub: PushHub, workspace: Workspace, bundle: Path) -> None:
    push(workspace, bundle, public=True)
    assert not hub.repositories["me/mine"].private
    with pytest.raises(JobFailedError) as failed:
        push(workspace, bundle)
    assert failed.value.code == "push.public"


def test_a_connection_that_breaks_off_is_taken_up(hub: PushHub, workspace: Workspace, bundle: Path) -> None:
    hub.break_off = 1
    push(workspace, bundle)
    assert hub.repositories["me/mine"].files.keys() >= everything(bundle).keys()
    assert len(hub.uploads) == len(set(hub.uploads)) == 2


def test_what_has_arrived_is_not_sent_again(
    hub: PushHub, workspace: Workspace, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hashlib.sha256((bundle / "mine-q8_0.gguf").read_bytes()).hexdigest()
    hub.objects[first] = (bundle / "mine-q8_0.gguf").read_bytes()
    hub.break_off = 1000
    # The library waits longer and longer before it tries again.
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    with pytest.raises(JobFailedError) as failed:
        push(workspace, bundle)
    assert failed.value.code == "hub.unreachable"
    assert "not sent again" in failed.value.fix
    assert hub.repositories["me/mine"].commits == 0
    hub.break_off = 0
    push(workspace, bundle)
    assert first not in hub.uploads
    assert hub.repositories["me/mine"].files.keys() >= everything(bundle).keys()


def test_an_earlier_release_is_updated_and_anything_else_is_left_alone(
    hub: PushHub, workspace: Workspace, bundle: Path
) -> None:
    push(workspace, bundle)
    (bundle / "README.md").write_text("---\nlicense: mit\n---\n# Mine, again\n", encoding="utf-8")
    write_sums(bundle)
    push(workspace, bundle)
    assert b"again" in hub.repositories["me/mine"].files["README.md"]
    hub.repositories["me/other"] = Repository(private=True, files={"model.safetensors": b"precious"})
    with pytest.raises(JobFailedError) as failed:
        push(workspace, bundle, "me/other")
    assert failed.value.code == "push.exists"
    assert hub.repositories["me/other"].files == {"model.safetensors": b"precious"}


def test_files_of_an_earlier_release_go_and_those_of_others_stay(
    hub: PushHub, workspace: Workspace, bundle: Path
) -> None:
    (bundle / "old-q2_k.gguf").write_bytes(b"old")
    write_sums(bundle)
    push(workspace, bundle)
    hub.repositories["me/mine"].files["notes.txt"] = b"written on the Hub"
    (bundle / "old-q2_k.gguf").unlink()
    write_sums(bundle)
    push(workspace, bundle)
    assert hub.repositories["me/mine"].files == {
        ".gitattributes": b"",
        "notes.txt": b"written on the Hub",
        **everything(bundle),
    }


def test_a_card_that_the_hub_refuses_costs_no_upload(
    hub: PushHub, workspace: Workspace, bundle: Path
) -> None:
    card = "---\nlicense: mit\nlanguage: strange\n---\n"
    (bundle / "README.md").write_text(card, encoding="utf-8")
    write_sums(bundle)
    with pytest.raises(JobFailedError, match='"language" must be one of those known') as failed:
        push(workspace, bundle)
    assert failed.value.code == "push.card_refused"
    assert hub.uploads == []


def test_a_card_that_cannot_be_read_makes_no_repository(
    hub: PushHub, workspace: Workspace, bundle: Path
) -> None:
    (bundle / "README.md").write_text("---\nlicense: strange\n---\n", encoding="utf-8")
    write_sums(bundle)
    with pytest.raises(JobFailedError, match="knows no licence 'strange'") as failed:
        push(workspace, bundle)
    assert failed.value.code == "push.card_refused"
    assert hub.repositories == {}


def test_failures_are_told_in_a_sentence(
    hub: PushHub, workspace: Workspace, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code(name: str = "me/mine", folder: Path = bundle) -> str:
        with pytest.raises(JobFailedError) as failed:
            push(workspace, folder, name)
        assert failed.value.fix
        return failed.value.code

    assert code("somebody/mine") == "push.forbidden"
    assert code("not a name") == "push.bad_name"
    assert code(folder=bundle / "adapter") == "release.no_bundle"
    hub.status = 400
    assert code() == "push.refused"
    hub.status = 503
    assert code() == "hub.unreachable"
    hub.status = 0
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    assert code() == "push.token_refused"
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN_PATH", "/nowhere")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setattr("engine.workspace.secrets._from_keyring", lambda name: None)
    assert code() == "push.no_token"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert code() == "hub.unreachable"
    (bundle / "model.safetensors").write_bytes(b"other")
    assert code() == "release.changed"
