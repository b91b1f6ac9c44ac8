"""Files of weights, told before they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.weights.formats import PlannedTensor
from engine.weights.writer import WeightsWriter, planned_files


@pytest.mark.parametrize("shard_bytes", [10_000, 500])
def test_they_are_written_as_they_were_told(tmp_path: Path, shard_bytes: int) -> None:
    plan = [PlannedTensor(f"größe.{number}", "F32" if number % 2 else "BF16", (8, 9)) for number in range(6)]
    told = planned_files(iter(plan), shard_bytes=shard_bytes, stem="weights")
    assert len(told) == (1 if shard_bytes > 5_000 else 5)
    with WeightsWriter(tmp_path, plan, shard_bytes=shard_bytes, stem="weights") as writer:
        for tensor in plan:
            dtype = torch.float32 if tensor.dtype == "F32" else torch.bfloat16
            writer.write(tensor.name, torch.zeros(tensor.shape, dtype=dtype))
    assert {file.name: file.stat().st_size for file in tmp_path.iterdir()} == told
