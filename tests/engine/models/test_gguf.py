"""GGUF files that cannot be read, and disks that cannot take what was read."""

from __future__ import annotations

import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter
from safetensors.numpy import save_file

from engine.gguf_header import check_gguf
from engine.models.errors import ModelError
from engine.models.gguf import bring_notices, dequantise, told_when_not_written
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import tiny_gguf


def small_gguf(path: Path, licence: str | None = None) -> Path:
    """A GGUF file without weights."""
    writer = GGUFWriter(path, "llama")
    if licence is not None:
        writer.add_license(licence)
    writer.add_tensor("x", np.zeros(8, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("keep", [4, 30, 60, 10_000])
def test_a_file_that_is_cut_anywhere_or_holds_no_model_is_named(tmp_path: Path, keep: int) -> None:
    file = small_gguf(tmp_path / "x.gguf", "mit")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError) as caught:
        dequantise(file, tmp_path, SilentReporter())
    assert (caught.value.code, caught.value.file) == ("model.gguf_unreadable", str(file))
    assert ".." not in caught.value.message.replace(str(file), "")


def test_its_licence_is_read_from_the_file(tmp_path: Path) -> None:
    assert check_gguf(small_gguf(tmp_path / "a.gguf", "apache-2.0"))["general.license"] == "apache-2.0"
    assert "general.license" not in check_gguf(small_gguf(tmp_path / "b.gguf"))


def test_its_licences_and_card_come_along(tmp_path: Path) -> None:
    source, folder, bare = tmp_path / "source", tmp_path / "folder", tmp_path / "bare"
    for one in (source, folder, bare):
        one.mkdir()
    for name in ("Licence.txt", "NOTICE", "USE_POLICY.md", "my LICENSE.pdf", "readme.md"):
        (source / name).write_text(name, encoding="utf-8")
    bring_notices(source, folder, "mit")
    found = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert found == {
        "Licence.txt": "Licence.txt", "NOTICE": "NOTICE", "USE_POLICY.md": "USE_POLICY.md", "README.md": "readme.md",
    }  # fmt: skip
    (source / "readme.md").unlink()
    bring_notices(source, bare, "mit")
    assert "license: mit" in (bare / "README.md").read_text(encoding="utf-8")


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: safetensors tells both in the same way."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ModelError) as caught, told_when_not_written(tmp_path):
            save_file({"x": np.zeros(10_000, np.float32)}, tmp_path / "x.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "model.disk_full"
    with pytest.raises(ModelError) as caught, told_when_not_written(tmp_path / "nowhere" / "x"):
        save_file({"x": np.zeros(1, np.float32)}, tmp_path / "nowhere" / "x.safetensors")
    assert caught.value.code == "model.not_written"


#: A setting of the tiny model, what becomes of it, and how the refusal ends.
IMPOSSIBLE = {
    "llama.feed_forward_length": (1, "its settings do not fit its tensors."),
    "llama.attention.head_count": (0, "is 0, which does not fit its tensors."),
    "llama.block_count": (1, "is 1, which does not fit its tensors."),
    "tokenizer.ggml.bos_token_id": (2**32 - 1, "one of its settings is impossible."),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_settings_that_do_not_fit_are_told_in_words(tmp_path: Path, name: str) -> None:
    value, end = IMPOSSIBLE[name]
    file = tiny_gguf(tmp_path / "model")[1]
    part = GGUFReader(str(file)).fields[name].parts[-1]
    place = file.read_bytes().index(name.encode()) + len(name) + 4
    with file.open("r+b") as stream:
        stream.seek(place)
        stream.write(struct.pack("<I", value)[: part.nbytes])
    with pytest.raises(ModelError) as caught:
        dequantise(file, tmp_path, SilentReporter())
    assert caught.value.message.endswith(end)


def test_weights_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    """transformers fills what a file lacks with random numbers, and only tells it."""
    file = tiny_gguf(tmp_path / "model")[1]
    with file.open("r+b") as stream:
        stream.seek(8)
        stream.write(struct.pack("<Q", 0))
    with pytest.raises(ModelError, match="it has no weights for "):
        dequantise(file, tmp_path, SilentReporter())
