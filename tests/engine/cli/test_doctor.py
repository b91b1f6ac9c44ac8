"""``bakeoff doctor``: measures, changes nothing, says in words what cannot be done."""

from __future__ import annotations

from pathlib import Path

import psutil

from engine.workspace import Workspace
from tests.conftest import Cli


def test_it_tells_what_this_machine_has(cli: Cli, workspace: Workspace) -> None:
    with workspace.catalogue.reading():
        pass
    ran = cli("doctor", "--json")
    assert ran.status == 0, ran.stderr
    found = ran.json
    assert found["machine"]["cores"] == len(psutil.Process().cpu_affinity())
    assert abs(found["machine"]["memory_mb"] - psutil.virtual_memory().total / 1e6) < 1
    assert found["compute"]["dtype"] in ("float32", "bfloat16", "float16")
    assert found["keyring"] is False
    assert found["packages"]["torch"]
    assert found["workspace"]["folder"] == str(workspace.root)
    assert found["workspace"]["runner"] is False
    assert found["workspace"]["bytes"] > 0
    assert any("environment variables" in sentence for sentence in found["cannot"])
    text = cli("doctor").stdout
    assert str(workspace.root) in text
    assert "cannot  Keep API keys" in text


def test_it_makes_no_workspace(cli: Cli, tmp_path: Path) -> None:
    ran = cli("doctor", "--json", "--workspace", tmp_path / "not-yet")
    assert ran.status == 0
    assert ran.json["workspace"]["exists"] is False
    assert not (tmp_path / "not-yet").exists()


def test_a_broken_workspace_is_a_finding_not_a_failure(cli: Cli, workspace: Workspace) -> None:
    (workspace.root / "catalogue.sqlite").write_bytes(b"nonsense" * 1000)
    ran = cli("doctor", "--json")
    assert ran.status == 0
    assert any(sentence.startswith("Open the workspace") for sentence in ran.json["cannot"])
