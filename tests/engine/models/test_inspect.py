"""What a model folder says about itself, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.models.errors import ModelError
from engine.models.inspect import inspect_folder, read_template, weights_sha256
from engine.models.source import classify
from tests.tiny import tiny_model


def test_a_folder_tells_its_facts_without_loading_weights(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny", hidden=16, layers=2)
    info = inspect_folder(folder)
    assert info.architecture == "LlamaForCausalLM"
    assert (info.layers, info.hidden) == (2, 16)
    from safetensors.numpy import load_file

    stored = sum(tensor.size for tensor in load_file(folder / "model.safetensors").values())
    assert info.parameters == stored
    assert info.dtype == "F32"
    assert len(info.template_sha256) == 64


def test_the_hash_follows_the_weights(tmp_path: Path) -> None:
    first, again = tiny_model(tmp_path / "a", seed=1), tiny_model(tmp_path / "b", seed=1)
    other = tiny_model(tmp_path / "c", seed=2)
    assert weights_sha256(first) == weights_sha256(again) != weights_sha256(other)


def test_pickles_are_refused_with_the_reason(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.pickle"
    assert "run any program" in caught.value.message


def test_remote_code_is_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "evil.py"}})
    )
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.remote_code"


@pytest.mark.parametrize("keep", [4, 100, -1000])
def test_a_cut_weights_file_is_named(tmp_path: Path, keep: int) -> None:
    folder = tiny_model(tmp_path / "tiny")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.damaged"
    assert caught.value.file == str(file)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.missing_shard"


@pytest.mark.parametrize(
    ("text", "form"), [("owner/name", "hub"), ("./nowhere", None), ("nowhere", None), ("a/b/c", None)]
)
def test_words_are_told_apart(text: str, form: str | None) -> None:
    if form is not None:
        assert classify(text).form == form
        return
    with pytest.raises(ModelError) as caught:
        classify(text)
    assert caught.value.code == "model.missing"


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"not a gguf file")
    (tmp_path / "y.bin").write_bytes(b"\x80\x04")
    codes = []
    for name in ("x.gguf", "y.bin"):
        with pytest.raises(ModelError) as caught:
            classify(str(tmp_path / name))
        codes.append(caught.value.code)
    assert codes == ["model.not_gguf", "model.pickle"]


def test_a_named_default_template_is_found(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny", chat_template=None)
    assert read_template(folder) is None
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_template(folder) == "D"
