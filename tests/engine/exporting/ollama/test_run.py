"""Exports for Ollama for real: the file, the Modelfile, and what the model sees through both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from gguf import GGUFReader

from engine.exporting import vocabulary
from engine.exporting.ollama.go_template import render
from engine.exporting.ollama.modelfile import read_modelfile
from engine.exporting.ollama.writing import ollama_name
from engine.exporting.parity import token_before_prompts
from engine.exporting.spec import ExportSpec
from engine.jobs.client import JobFailedError
from engine.models.library import find_export, find_model
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import add_model, do
from tests.tiny import tiny_model
from tests.tiny_families import merge_bytes


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Mine", "mine"),
        ("a_b-1.5", "a_b-1.5"),
        ("Mine v2", "mine-v2-"),
        ("a..b", "a.b-"),
        (".hidden", "hidden-"),
        ("Käse", "kase-"),
        ("Straße", "strasse-"),
        ("模型", ""),
        ("..", ""),
        ("x" * 90, "x" * 60 + "-"),
    ],
)
def test_a_name_that_ollama_takes(model: str, name: str) -> None:
    found = ollama_name(model)
    assert re.fullmatch(r"[a-z0-9][a-z0-9._\-]*", found)
    assert ".." not in found
    assert re.fullmatch(re.escape(name) + ("[0-9a-f]{6}" if name.endswith("-") or not name else ""), found)


def test_names_that_would_be_one_in_ollama_stay_apart() -> None:
    names = ["a b", "a-b", "a  b", "ä-b", "a..b", "a.b", "x" * 61, "x" * 62, "模型", "模形"]
    assert len({ollama_name(name) for name in names}) == len(names)


@pytest.fixture(autouse=True)
def known_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model's tokenizer, whose hash nobody knows, counts as one that is known."""
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")


def base(workspace: Workspace, tmp_path: Path, **config: object) -> Path:
    """A tiny base whose tokenizer's config says ``config`` besides."""
    folder = tiny_model(tmp_path / "base", hidden=32)
    merge_bytes(folder)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | config), encoding="utf-8")
    # The merged token has moved the special ones by one place.
    for name in ("config.json", "generation_config.json"):
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps(content | {"eos_token_id": 259}), encoding="utf-8")
    add_model(workspace, folder, "base")
    return folder


def export(workspace: Workspace, out: Path, model: str = "base") -> dict[str, object]:
    return do(workspace, "export", ExportSpec(model=model, form="ollama", quantisation="q8_0", out=str(out)))[
        1
    ]


def test_a_folder_for_ollama(workspace: Workspace, tmp_path: Path) -> None:
    base(workspace, tmp_path)
    out = tmp_path / "ollama"
    summary = export(workspace, out)
    assert sorted(path.name for path in out.iterdir()) == ["Modelfile", "base-q8_0.gguf"]
    modelfile = read_modelfile((out / "Modelfile").read_text(encoding="utf-8"))
    assert modelfile.file == "base-q8_0.gguf"
    assert modelfile.stops == ("<|im_end|>",)
    assert modelfile.parameters == {"temperature": "0", "repeat_penalty": "1", "num_ctx": "512"}
    assert render(modelfile.template, [{"role": "user", "content": "Hi"}]) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert summary["ollama"] == {
        "conversations": 7,
        "different_text": 0,
        "different_tokens": 0,
        "stops": ["<|im_end|>"],
        "parameters": dict(modelfile.parameters),
    }
    known = find_export(workspace, find_model(workspace, "base"), "q8_0")
    assert known is not None
    assert known.file == out / "base-q8_0.gguf"


@pytest.mark.parametrize("adds", [True, False])
def test_the_first_token_comes_once(workspace: Workspace, tmp_path: Path, adds: bool) -> None:
    folder = base(
        workspace,
        tmp_path,
        add_bos_token=adds,
        chat_template="{{ bos_token }}{% for m in messages %}{{ m['role'] + ':' + m['content'] + eos_token }}"
        "{% endfor %}",
    )
    assert "bos_token" in (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    out = tmp_path / "ollama"
    summary = export(workspace, out)
    template = read_modelfile((out / "Modelfile").read_text(encoding="utf-8")).template
    assert token_before_prompts(out / "base-q8_0.gguf") == ("<|endoftext|>" if adds else "")
    assert ("<|endoftext|>" in template) is not adds
    assert summary["ollama"]["different_tokens"] == 0  # type: ignore[index]


def test_a_first_token_that_training_had_not_is_taken_out_of_the_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    base(workspace, tmp_path, add_bos_token=True)
    for form, out in (("ollama", tmp_path / "ollama"), ("gguf", tmp_path / "base-q8_0.gguf")):
        spec = ExportSpec(model="base", form=form, quantisation="q8_0", out=str(out))  # type: ignore[arg-type]
        job, _ = do(workspace, "export", spec)
        assert "first_token" in job.events.read_text(encoding="utf-8")
        file = out / "base-q8_0.gguf" if form == "ollama" else out
        assert token_before_prompts(file) == ""
        assert not GGUFReader(file).fields["tokenizer.ggml.add_bos_token"].contents()


def test_a_template_that_cannot_be_told_costs_no_file(workspace: Workspace, tmp_path: Path) -> None:
    base(
        workspace,
        tmp_path,
        chat_template="{% for m in messages %}{{ loop.index ~ m['content'] }}{% endfor %}",
    )
    with pytest.raises(JobFailedError, match="cannot be written exactly") as failed:
        export(workspace, tmp_path / "ollama")
    assert "--as gguf" in failed.value.sentence()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "workspace"]


def test_the_command(cli_here: Cli, workspace: Workspace, tmp_path: Path) -> None:
    base(workspace, tmp_path)
    planned = cli_here("export", "base", "out", "--as", "ollama", "--quant", "q8_0", "--dry-run", "--json")
    assert planned.json["quantisation"] == "q8_0"
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine", encoding="utf-8")
    taken = cli_here("export", "base", "out", "--as", "ollama", "--json")
    assert (taken.status, taken.json["error"]["code"]) == (1, "export.exists")
