"""Child processes find the modules that are installed, not what lies in the folder they start in."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.processes import spawn_module


def test_a_file_beside_the_log_shadows_no_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n", encoding="utf-8")
    log = tmp_path / "worker.log"
    assert spawn_module("json.tool", "--help", log=log).wait(timeout=60) == 0
    assert "shadowed" not in log.read_text(encoding="utf-8")
