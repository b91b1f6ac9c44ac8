"""No safetensors file, however damaged, does more than fail with a sentence."""

from __future__ import annotations

import json
import random
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BakeoffError
from engine.models.errors import ModelError
from engine.models.inspect import inspect_folder
from engine.weights.errors import WeightsError
from engine.weights.header import read_header
from engine.weights.model_folder import read_config
from engine.weights.reader import WeightsReader
from tests.tiny import tiny_model

SEED = 21
GOOD: dict[str, Any] = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


def stored(header: bytes | dict[str, Any], data: int = 64, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + bytes(data)


def changed(**values: Any) -> dict[str, Any]:
    return {"x": {**GOOD, **values}}


WORST: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": bytes(7),
    "zeros": bytes(1000),
    "no JSON": stored(b"{" * 50),
    "nested": stored(b"[" * 200_000),
    "a list": stored(b"[1]"),
    "no UTF-8": stored(b'{"\xff\xfe": 1}'),
    "UTF-16": stored('{"x": 1}'.encode("utf-16")),
    "header as long as the world": stored(b"{}", length=2**64 - 1),
    "header of the most bytes": stored(b"{}", length=99_999_999),
    "twice": stored(b'{"x": %b, "x": %b}' % (json.dumps(GOOD).encode(), json.dumps(GOOD).encode())),
    "field twice": stored(b'{"x": {"dtype": "F32", "dtype": "F16", "shape": [4], "data_offsets": [0, 16]}}'),
    "unreadable name": stored({"x\u001b[2J": GOOD}),
    "half a character": stored(b'{"\\ud800": %b}' % json.dumps(GOOD).encode()),
    "overlap": stored({"x": GOOD, "y": {**GOOD, "data_offsets": [8, 24]}}),
    "entry a number": stored({"x": 5}),
    "entry null": stored({"x": None}),
    "dtype a list": stored(changed(dtype=["F32"])),
    "dtype unknown": stored(changed(dtype="F\ud800")),
    "shape a text": stored(changed(shape="22")),
    "shape negative": stored(changed(shape=[-2, -2])),
    "shape true": stored(changed(shape=[True, 4])),
    "shape fractional": stored(changed(shape=[2.0, 2.0])),
    "shape too large": stored(changed(shape=[2, 3])),
    "shape giant": stored(changed(shape=[2**62] * 60)),
    "shape of giants": stored(changed(shape=[10**4000] * 50)),
    "many dimensions": stored(changed(shape=[1] * 100_000 + [4])),
    "number without end": stored(
        b'{"x": {"dtype": "F32", "shape": [%b], "data_offsets": [0, 16]}}' % (b"9" * 10_000)
    ),
    "shape an object": stored(changed(shape={}, data_offsets=[0, 4])),
    "giant beside zero": stored(changed(shape=[0, 2**62, 8], data_offsets=[0, 0])),
    "name without end": stored({"x" * 100_000: GOOD}),
    "infinite": stored(changed(shape=[float("inf")])),
    "offsets missing": stored({"x": {"dtype": "F32", "shape": [4]}}),
    "offsets of three": stored(changed(data_offsets=[0, 16, 32])),
    "offsets backwards": stored(changed(data_offsets=[16, 0])),
    "offsets beyond": stored(changed(data_offsets=[2**62, 2**62 + 16])),
    "cut off": stored({"x": GOOD}, data=15),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.mark.parametrize("name", WORST)
def test_the_worst_files_are_refused_in_a_sentence(name: str, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(WORST[name])
    started = time.monotonic()
    with pytest.raises(WeightsError) as refused:
        WeightsReader(tmp_path)
    assert time.monotonic() - started < 1
    assert refused.value.file == str(file)
    assert refused.value.sentence().replace(str(file), "").isprintable()
    assert len(refused.value.message) < 1000
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    told_later = ("overlap", "dtype unknown", "shape too large", "giant beside zero")
    named_badly = ("unreadable name", "half a character", "name without end")
    if "twice" not in name and name not in (*told_later, *named_badly):  # told when the weights are read
        with pytest.raises(ModelError):
            inspect_folder(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"[" * 200_000, b'{"weight_map": ' + b"[" * 200_000])
def test_a_damaged_index_or_config_is_refused_in_a_sentence(
    content: bytes, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    (tmp_path / "model.safetensors.index.json").write_bytes(content)
    with pytest.raises(WeightsError) as refused:
        WeightsReader(tmp_path)
    assert refused.value.code == "weights.index_corrupt"
    with pytest.raises(ModelError) as refused_here:
        inspect_folder(tmp_path)
    assert refused_here.value.code == "model.bad_index"
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(WeightsError) as no_config:
        read_config(tmp_path)
    assert no_config.value.code == "weights.config_corrupt"


def test_a_good_file_passes(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(
        stored({"__metadata__": {"format": "pt"}, "x": GOOD, "ü 1": {**GOOD, "data_offsets": [16, 32]}})
    )
    assert set(read_header(file)) == {"x", "ü 1"}


@settings(max_examples=200, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entry=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_entry_is_judged(entry: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(stored({"x": entry}))
    with pytest.raises(WeightsError):
        read_header(file)


def test_mutated_and_shortened_files_are_read_or_refused(model: Path, tmp_path: Path) -> None:
    whole = (model / "model.safetensors").read_bytes()
    length = 8 + struct.unpack("<Q", whole[:8])[0]
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    file = tmp_path / "model.safetensors"
    chance = random.Random(SEED)
    refused = 0
    for number in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            content[chance.randrange(length)] = chance.randrange(256)
        file.write_bytes(content[: chance.randrange(len(whole))] if number % 5 == 0 else content)
        told = _told_by(tmp_path)
        refused += bool(told)
        assert told.replace(str(tmp_path), "").isprintable(), f"seed {SEED}, file {number}"
        with suppress(BakeoffError):
            inspect_folder(tmp_path)
    assert refused > 100


def _told_by(folder: Path) -> str:
    """What reading everything in a folder fails with; empty where it does not."""
    try:
        reader = WeightsReader(folder)
        for name in reader.names():
            reader.read(name)
    except BakeoffError as error:
        return error.sentence()
    return ""
