"""The writer: any order, any sharding, and nothing half-written that looks whole."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from engine.weights import PlannedTensor, WeightsError, WeightsReader, WeightsWriter, dtype_code


def plan_of(tensors: dict[str, torch.Tensor]) -> list[PlannedTensor]:
    return [PlannedTensor(name, dtype_code(str(t.dtype)), tuple(t.shape)) for name, t in tensors.items()]


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    made = {f"layer.{i}.weight": torch.randn(7, i + 1, generator=generator) for i in range(6)}
    return {
        **made,
        "odd": torch.tensor([1, 2, 3], dtype=torch.uint8),
        "half": torch.randn(5, generator=generator).to(torch.float16),
        "scalar": torch.tensor(4),
        "empty": torch.empty(0),
    }


@pytest.mark.parametrize("shard_bytes", [10**9, 200, 1])
def test_the_reference_library_reads_it_back(
    tmp_path: Path, tensors: dict[str, torch.Tensor], shard_bytes: int
) -> None:
    names = list(tensors)
    random.Random(1).shuffle(names)
    with WeightsWriter(tmp_path, plan_of(tensors), shard_bytes=shard_bytes) as writer:
        for name in names:
            writer.write(name, tensors[name])
    files = sorted(tmp_path.glob("*.safetensors"))
    back = {name: tensor for file in files for name, tensor in load_file(file).items()}
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
    with safe_open(files[0], "pt") as stream:
        assert stream.metadata() == {"format": "pt"}
    assert writer.sha256() == WeightsReader(tmp_path).sha256()
    index = tmp_path / "model.safetensors.index.json"
    assert index.exists() == (len(files) > 1)
    if len(files) > 1:
        assert set(json.loads(index.read_text())["weight_map"]) == set(tensors)
        assert files[0].name == f"model-00001-of-{len(files):05d}.safetensors"


def test_views_are_written_as_they_look(tmp_path: Path) -> None:
    tensor = torch.arange(12.0).reshape(3, 4)
    with WeightsWriter(tmp_path, [PlannedTensor("t", "F32", (4, 3))]) as writer:
        writer.write("t", tensor.T)
    assert torch.equal(WeightsReader(tmp_path).read("t"), tensor.T)


def test_what_was_not_planned_is_refused(tmp_path: Path) -> None:
    plan = [PlannedTensor("t", "F32", (2,)), PlannedTensor("u", "F32", (2,))]
    writer = WeightsWriter(tmp_path, plan)
    for name, tensor in (("x", torch.ones(2)), ("t", torch.ones(3)), ("t", torch.ones(2).double())):
        with pytest.raises(WeightsError, match="not planned"):
            writer.write(name, tensor)
    writer.write("t", torch.ones(2))
    with pytest.raises(WeightsError, match="came twice"):
        writer.write("t", torch.ones(2))
    with pytest.raises(WeightsError, match="'u' and 0 more were never written"):
        writer.finish()
    with pytest.raises(WeightsError, match="written twice"):
        WeightsWriter(tmp_path, [plan[0], plan[0]])


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_full_disk_is_one_plain_sentence(tmp_path: Path) -> None:
    code = """
import pathlib, resource, sys, torch
from engine.weights import PlannedTensor, WeightsError, WeightsWriter
from engine.files import new_folder
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
target = pathlib.Path(sys.argv[1]) / "out"
try:
    with new_folder(target) as folder, WeightsWriter(folder, [PlannedTensor("t", "F32", (9000,))]) as writer:
        writer.write("t", torch.ones(9000))
except WeightsError as error:
    print(error.code, error.message)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.startswith("weights.disk_full There is not enough space"), done.stderr
    assert list(tmp_path.iterdir()) == []
