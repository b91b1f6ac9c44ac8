"""The reader: headers are checked before data are believed, and memory holds one tensor at a time."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.weights import WeightsError, WeightsReader


def write_raw(file: Path, header: object, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "a.weight": torch.randn(3, 5, generator=generator).to(torch.bfloat16),
        "b.weight": torch.randn(4, generator=generator),
        "ids": torch.arange(6).reshape(2, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 4),
        "flags": torch.tensor([True, False]),
    }


def test_reads_what_the_reference_library_wrote(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    reader = WeightsReader(tmp_path)
    assert reader.names() == sorted(tensors)
    assert reader.dtype("a.weight") == "BF16"
    assert reader.shape("scalar") == ()
    for name, tensor in tensors.items():
        read = reader.read(name)
        assert read.dtype == tensor.dtype
        assert torch.equal(read, tensor)


def test_a_read_tensor_belongs_to_the_caller(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    reader = WeightsReader(tmp_path)
    reader.read("b.weight").zero_()
    assert torch.equal(reader.read("b.weight"), tensors["b.weight"])
    assert torch.equal(load_file(tmp_path / "model.safetensors")["b.weight"], tensors["b.weight"])


def shard(folder: Path, tensors: dict[str, torch.Tensor], groups: list[list[str]]) -> None:
    folder.mkdir()
    places = {}
    for number, group in enumerate(groups, start=1):
        file = f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        save_file({name: tensors[name] for name in group}, folder / file)
        places |= dict.fromkeys(group, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def test_content_hash_ignores_the_sharding_and_sees_every_change(
    tmp_path: Path, tensors: dict[str, torch.Tensor]
) -> None:
    names = list(tensors)
    shard(tmp_path / "two", tensors, [names[:2], names[2:]])
    shard(tmp_path / "three", tensors, [names[4:], names[:1], names[1:4]])
    (tmp_path / "one").mkdir()
    save_file(tensors, tmp_path / "one" / "model.safetensors")
    hashes = {WeightsReader(tmp_path / name).sha256() for name in ("one", "two", "three")}
    assert len(hashes) == 1

    hashing = WeightsReader(tmp_path / "two", hashing=True)
    for name in names:
        hashing.read(name)
    assert hashing.sha256() in hashes

    changed = {**tensors, "b.weight": tensors["b.weight"] + 1}
    reshaped = {**tensors, "ids": tensors["ids"].reshape(3, 2)}
    for number, other in enumerate((changed, reshaped)):
        (tmp_path / f"other{number}").mkdir()
        save_file(other, tmp_path / f"other{number}" / "model.safetensors")
        assert WeightsReader(tmp_path / f"other{number}").sha256() not in hashes


def test_threads_may_share_a_reader(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    reader = WeightsReader(tmp_path, hashing=True)
    wrong: list[str] = []

    def work() -> None:
        for _ in range(30):
            wrong.extend(name for name in tensors if not torch.equal(reader.read(name), tensors[name]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"", b"", "does not begin like"),
        (b"not json at all", b"", "header is not JSON"),
        (b"[1, 2]", b"", "not a table of tensors"),
        ({"w": {"dtype": "F32", "shape": [2]}}, b"", "header is incomplete"),
        ({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, bytes(8), "whole number"),
        ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(8), "shape needs 8 bytes"),
        ({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, bytes(8), "the file has only"),
        ({"w": {"dtype": "F4", "shape": [2], "data_offsets": [0, 8]}}, bytes(8), "element type F4"),
        (
            {
                "v": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                "w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
            },
            bytes(12),
            "overlaps the tensor 'v'",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_tensor(
    tmp_path: Path, header: object, data: bytes, words: str
) -> None:
    file = tmp_path / "model.safetensors"
    write_raw(file, header, data)
    with pytest.raises(WeightsError) as caught:
        WeightsReader(tmp_path)
    assert words in caught.value.message
    assert caught.value.file == str(file)
    assert caught.value.fix
    if isinstance(header, dict):
        assert caught.value.params["tensor"] == "w"


def test_a_header_longer_than_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", 5000) + b"{}")
    with pytest.raises(WeightsError, match="should have 5000 bytes"):
        WeightsReader(tmp_path)


def test_a_file_that_shrinks_later_is_told(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "model.safetensors"
    save_file(tensors, file)
    reader = WeightsReader(tmp_path)
    os.truncate(file, file.stat().st_size - 20)
    with pytest.raises(WeightsError, match="ended before the tensor"):
        [reader.read(name) for name in reader.names()]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickles_are_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / name)
    with pytest.raises(WeightsError, match="can run code") as caught:
        WeightsReader(tmp_path)
    assert caught.value.code == "weights.pickle"
    assert name in caught.value.message


def test_missing_things_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model folder"):
        WeightsReader(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="holds no weights"):
        WeightsReader(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(WeightsError, match="GGUF"):
        WeightsReader(tmp_path)


def test_a_wrong_index_is_told(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("{")
    with pytest.raises(WeightsError, match="cannot be understood"):
        WeightsReader(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a.weight": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(WeightsError, match="not in the folder"):
        WeightsReader(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a.weight": "../secret.safetensors"}}))
    with pytest.raises(WeightsError, match="not in the folder"):
        WeightsReader(tmp_path)
    save_file({"other": tensors["b.weight"]}, tmp_path / "model-00001-of-00002.safetensors")
    index.write_text(json.dumps({"weight_map": {"a.weight": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(WeightsError, match=r"'a\.weight', but it does not"):
        WeightsReader(tmp_path)


def test_headers_are_read_without_torch() -> None:
    code = "import sys, engine.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_holds_one_tensor_not_the_model(tmp_path: Path) -> None:
    # 24 tensors of 8 MB; reading them all must not keep more than a few.
    save_file({f"t{i:02d}": torch.ones(2_000_000) for i in range(24)}, tmp_path / "model.safetensors")
    code = """
import resource, sys, pathlib, torch
from engine.weights import WeightsReader
reader = WeightsReader(pathlib.Path(sys.argv[1]))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reader.read(reader.names()[0]).sum()
before = peak()
for name in reader.names():
    reader.read(name).sum()
reader.sha256()
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 40_000  # KiB; the file has 187,500
