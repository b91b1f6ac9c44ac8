"""How many layers go to an accelerator: as many as fit; where there is none, none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.inference.errors import AnsweringError
from engine.inference.llama import offload
from engine.inference.llama.model import LlamaModel
from engine.inference.llama.offload import Device, Needs, devices, layers_that_fit, load_fitting, needs_of
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import tiny_gguf

GIGABYTE = 1 << 30


class Recorder(SilentReporter):
    """Keeps what was decided."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, Any]] = []

    def decision(self, subject: str, choice: Any, _reason: str, /, **_data: Any) -> None:
        self.decisions.append((subject, choice))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("model"))[1]


def test_the_devices_of_this_machine_are_found() -> None:
    found = devices()
    processor = next(device for device in found if device.kind == 0)
    assert processor.total > 0


@pytest.mark.parametrize(
    ("free", "fitting"),
    [
        (0, 0),
        (GIGABYTE // 2, 0),  # what is kept free for computing is more
        (4 * GIGABYTE, 13),
        (24 * GIGABYTE, 33),
    ],
)
def test_as_many_layers_as_fit(free: int, fitting: int) -> None:
    needs = Needs(layers=33, layer_bytes=220_000_000, cache_bytes=34_000_000)  # 7B in 8 bits, 4,096 tokens
    assert layers_that_fit(needs, free) == fitting


def test_what_a_file_needs_is_known_from_its_header(file: Path) -> None:
    needs = needs_of(file, tokens=100)
    assert needs.layers == 3 + 1
    assert needs.layers * needs.layer_bytes <= file.stat().st_size
    assert needs.cache_bytes > 0


def test_without_an_accelerator_nothing_is_moved_and_a_wish_for_it_is_answered(file: Path) -> None:
    recorder = Recorder()
    with load_fitting(file, 100, -1, recorder) as model:
        assert model.trained_context
    assert not recorder.decisions
    load_fitting(file, 100, 2, recorder).close()
    assert recorder.decisions == [("gpu_layers", 0)]


def test_fewer_layers_are_tried_where_those_that_should_fit_do_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def loaded(path: Path, *, gpu_layers: int = 0) -> LlamaModel:
        tried.append(gpu_layers)
        if gpu_layers > 1:
            raise AnsweringError("answers.not_loadable", "no memory")
        return LlamaModel(path)

    monkeypatch.setattr(offload, "devices", lambda: [Device("a card", 1, 8 * GIGABYTE, 8 * GIGABYTE)])
    monkeypatch.setattr(offload, "LlamaModel", loaded)
    recorder = Recorder()
    load_fitting(file, 100, -1, recorder).close()
    assert tried == [4, 2, 1]
    assert recorder.decisions[-1] == ("gpu_layers", "1 of 4")
