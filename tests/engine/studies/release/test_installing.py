"""Releases reach Ollama and LM Studio where these are."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.studies.release.errors import ReleaseError
from engine.studies.release.installing import install_lm_studio, install_ollama, require_ollama


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "mine-q8_0.gguf").write_bytes(b"GGUF and more")
    (folder / "Modelfile").write_text("FROM ./mine-q8_0.gguf\n", encoding="utf-8")
    write_facts(folder, ollama={"file": "Modelfile", "name": "mine"}, gguf=[{"file": "mine-q8_0.gguf"}])
    return folder


def write_facts(folder: Path, **more: Any) -> None:
    facts = {"kind": "release", "model": {"name": "mine"}, **more}
    (folder / "release.json").write_text(json.dumps(facts), encoding="utf-8")


def fake_ollama(folder: Path, status: int = 0) -> Path:
    """A program that notes its words and where it was run, and reads the Modelfile that it is given."""
    folder.mkdir()
    program = folder / "ollama"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib, sys\n"
        f"note = pathlib.Path({str(folder)!r}) / 'note.json'\n"
        "note.write_text(json.dumps({'words': sys.argv[1:], 'modelfile': open(sys.argv[4]).read()}))\n"
        "print('could not connect to ollama server', file=sys.stderr)\n"
        f"sys.exit({status})\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_ollama_creates_the_model_from_its_modelfile(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(fake_ollama(tmp_path / "bin").parent))
    assert install_ollama(bundle)["run"] == "ollama run mine"
    note = json.loads((tmp_path / "bin" / "note.json").read_text(encoding="utf-8"))
    assert note == {"words": ["create", "mine", "-f", "Modelfile"], "modelfile": "FROM ./mine-q8_0.gguf\n"}


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_what_ollama_complains_of_is_told(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(fake_ollama(tmp_path / "bin", status=1).parent))
    with pytest.raises(ReleaseError, match="could not connect to ollama server") as failed:
        install_ollama(bundle)
    assert "ollama serve" in failed.value.fix
    write_facts(bundle, ollama={"refused": "It counts turns."}, gguf=[])
    with pytest.raises(ReleaseError, match="It counts turns"):
        install_ollama(bundle)


def test_without_the_programs(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseError, match="Ollama is not installed here"):
        require_ollama()
    with pytest.raises(ReleaseError, match="LM Studio is not installed here"):
        install_lm_studio(bundle, tmp_path)


@pytest.mark.parametrize("home", [".lmstudio", ".cache/lm-studio"])
def test_lm_studio_gets_a_second_name_of_the_same_file(bundle: Path, tmp_path: Path, home: str) -> None:
    (tmp_path / home).mkdir(parents=True)
    for _ in range(2):  # again replaces
        done = install_lm_studio(bundle, tmp_path)
        target = tmp_path / home / "models" / "bakeoff" / "mine" / "mine-q8_0.gguf"
        assert done == {"program": "lmstudio", "folder": str(target.parent), "linked": True}
        assert target.samefile(bundle / "mine-q8_0.gguf")
    assert [path.name for path in target.parent.iterdir()] == ["mine-q8_0.gguf"]


def test_lm_studio_gets_a_copy_where_there_are_no_links(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lmstudio").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings = {"downloadsFolder": str(elsewhere)}
    (tmp_path / ".lmstudio" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def no_links(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    assert install_lm_studio(bundle, tmp_path)["linked"] is False
    target = elsewhere / "bakeoff" / "mine" / "mine-q8_0.gguf"
    assert target.read_bytes() == b"GGUF and more"
    assert not target.samefile(bundle / "mine-q8_0.gguf")


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"kind": "merge"}'])
def test_what_is_no_release(tmp_path: Path, content: str | None) -> None:
    (tmp_path / ".lmstudio").mkdir()
    if content is not None:
        (tmp_path / "release.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReleaseError, match="holds no release"):
        install_lm_studio(tmp_path, tmp_path)
