"""What a model folder says about itself, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.models.errors import ModelError
from engine.models.inspect import WEIGHTS_INDEX, inspect_folder, read_template, weights_sha256
from engine.models.source import classify
from tests.tiny import tiny_model


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


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


def test_layers_that_the_weights_have_not_are_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny", layers=2)
    change(folder / "config.json", num_hidden_layers=100_000_000)
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.layers"
    assert "100,000,000" in caught.value.message


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


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("tokenizer_config.json", b'{"a":', "model.bad_config"),
        ("tokenizer_config.json", b"[1]", "model.bad_config"),
        ("chat_template.jinja", "ü".encode("latin-1"), "model.bad_template"),
        ("config.json", b'{"vocab_size": "many"}', "model.bad_config"),
        ("config.json", b'{"text_config": "none"}', "model.bad_config"),
        ("config.json", b'{"architectures": "LlamaForCausalLM"}', "model.bad_config"),
        (WEIGHTS_INDEX, b'{"weight_map": {"a": "../model.safetensors"}}', "model.bad_index"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, file: str, content: bytes, code: str) -> None:
    folder = tiny_model(tmp_path / "tiny")
    (folder / file).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert (caught.value.code, caught.value.file) == (code, str(folder / file))


def test_a_tokenizer_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tok.T", None]})
    with pytest.raises(ModelError) as caught:
        inspect_folder(folder)
    assert caught.value.code == "model.remote_code"


def test_a_second_copy_of_the_weights_does_not_count(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    info, sha256 = inspect_folder(folder), weights_sha256(folder)
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    assert (inspect_folder(folder), weights_sha256(folder)) == (info, sha256)


def test_sizes_are_found_under_their_older_names_and_layer_by_layer(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    config = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 512}
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": [32, 64]}))
    info = inspect_folder(folder)
    assert (info.hidden, info.layers, info.heads, info.context) == (16, 2, 4, 512)
    assert info.intermediate == 64


def test_an_error_about_a_copy_can_name_what_it_is_a_copy_of(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        inspect_folder(tmp_path)
    told = caught.value.told_of(tmp_path, "owner/tiny")
    assert (told.code, told.file) == (caught.value.code, "owner/tiny")
    assert told.message.startswith("owner/tiny is not a model folder")
