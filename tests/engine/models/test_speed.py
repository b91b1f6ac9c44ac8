"""What plans reckon with: this machine's cores, and its GPU where there is one."""

from __future__ import annotations

import os

import psutil
import pytest
import torch

from engine.models import speed


def test_it_agrees_with_torch_about_the_gpu() -> None:
    speed.has_gpu.cache_clear()
    assert speed.has_gpu() == torch.cuda.is_available()


def test_a_driver_without_a_gpu_that_torch_can_use_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_DRIVERS", (os.devnull,))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    speed.has_gpu.cache_clear()
    assert not speed.has_gpu()
    speed.has_gpu.cache_clear()


def test_a_gpu_computes_faster_than_all_cores_and_has_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "has_gpu", lambda: False)
    cores = speed.machine_flops()
    assert 0 < speed.available_memory() <= psutil.virtual_memory().total
    monkeypatch.setattr(speed, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _index: (7_000, 8_000))
    assert speed.machine_flops() > 10 * cores / speed.usable_cores()
    assert speed.available_memory() == 7_000


def test_adapting_fewer_layers_takes_less() -> None:
    assert speed.training_flops(0.0) == 2.0
    assert speed.training_flops(0.0) < speed.training_flops(0.34) < speed.training_flops()
