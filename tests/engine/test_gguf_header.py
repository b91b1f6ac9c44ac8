"""No GGUF file, however damaged, does more than fail with a sentence: not here, and not in the libraries behind."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exporting.parity import compare_tokens
from engine.gguf_header import GgufError, _Header, check_gguf
from engine.inference.llama.model import LlamaModel
from engine.models.errors import ModelError
from engine.models.gguf import dequantise
from engine.models.source import demo_source
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import tiny_gguf

U8, U32, TEXT, LIST = 0, 4, 8, 9
F32 = 0
SEED = 20


def text(value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def setting(key: bytes | str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: bytes | str, shape: list[int], offset: int = 0, kind: int = F32) -> bytes:
    return (
        text(name)
        + struct.pack("<I", len(shape))
        + struct.pack(f"<{len(shape)}Q", *shape)
        + struct.pack("<IQ", kind, offset)
    )


def header(
    settings: list[bytes], tensors: list[bytes], *, version: int = 3, counts: tuple[int, int] | None = None
) -> bytes:
    told = counts or (len(tensors), len(settings))
    return b"GGUF" + struct.pack("<IQQ", version, *told) + b"".join(settings) + b"".join(tensors)


ARCHITECTURE = setting("general.architecture", TEXT, text("llama"))
DATA = bytes(4096)
LAYERS = setting("llama.block_count", U32, struct.pack("<I", 2**32 - 1))


def heads(first: int, second: int, *settings: bytes) -> bytes:
    """Two layers whose heads are given as a list."""
    listed = setting("llama.attention.head_count_kv", LIST, struct.pack("<IQ2I", U32, 2, first, second))
    keys = [tensor(f"blk.{layer}.attn_k.weight", [8, 8], 256 * layer) for layer in range(2)]
    return header([ARCHITECTURE, listed, *settings], keys) + DATA


#: What a hostile or damaged file may hold, and a word of the sentence that refuses it.
WORST: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "begin like"),
    "magic": (b"GGML" + bytes(100), "begin like"),
    "magic alone": (b"GGUF", "breaks off"),
    "version": (header([], [], version=77), "version 77"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "many settings": (header([], [], counts=(0, 2**63)), "more than the file has room for"),
    "many tensors": (header([], [], counts=(2**64 - 1, 0)), "more than the file has room for"),
    "tensors missing": (header([], [], counts=(1, 0)) + bytes(20), "room for"),
    "long key": (header([struct.pack("<Q", 2**62) + bytes(50)], []), "should have"),
    "key breaks off": (header([struct.pack("<Q", 5000) + bytes(50)], []), "breaks off"),
    "long text": (header([setting("a", TEXT, struct.pack("<Q", 2**40) + bytes(50))], []), "should have"),
    "key no UTF-8": (header([setting(b"\xff\xfe", U8, b"1")], []), "not UTF-8"),
    "text no UTF-8": (header([setting("a", TEXT, text(b"\xc3\x28"))], []), "not UTF-8"),
    "key of controls": (header([setting("a\x1b[2J", U8, b"1")], []), "not readable"),
    "empty key": (header([setting("", U8, b"1")], []), "empty"),
    "key twice": (header([ARCHITECTURE, ARCHITECTURE], []), "twice"),
    "unknown kind": (header([setting("a", 99, bytes(100))], []), "unknown type 99"),
    "list of unknown": (header([setting("a", LIST, struct.pack("<IQ", 99, 1) + bytes(99))], []), "type 99"),
    "list of lists": (header([setting("a", LIST, struct.pack("<IQ", LIST, 1) + bytes(99))], []), "type 9"),
    "long list": (header([setting("a", LIST, struct.pack("<IQ", 10, 2**62))], []), "room for"),
    "long list of texts": (header([setting("a", LIST, struct.pack("<IQ", TEXT, 2**62))], []), "room for"),
    "text in a list": (
        header([setting("a", LIST, struct.pack("<IQQ", TEXT, 1, 2**63))], []) + bytes(99),
        "breaks off",
    ),
    "alignment 0": (header([setting("general.alignment", U32, bytes(4))], []), "alignment 0"),
    "alignment 48": (header([setting("general.alignment", U32, struct.pack("<I", 48))], []), "alignment 48"),
    "alignment a text": (header([setting("general.alignment", TEXT, text("32"))], []), "alignment"),
    "tensor twice": (header([], [tensor("x", [8]), tensor("x", [8], 32)]) + DATA, "twice"),
    "tensors overlap": (header([], [tensor("x", [16]), tensor("y", [8], 32)]) + DATA, "overlap"),
    "tensor beyond": (header([], [tensor("x", [2000])]) + DATA, "has only"),
    "offset beyond": (header([], [tensor("x", [8], 2**63)]) + DATA, "has only"),
    "offset overflows": (header([], [tensor("x", [8], 2**64 - 32)]) + DATA, "has only"),
    "offset uneven": (header([], [tensor("x", [8], 7)]) + DATA, "place"),
    "giant shape": (header([], [tensor("x", [2**62, 2**62, 2**62, 2**62])]) + DATA, "shape"),
    "shape overflows to 0": (header([], [tensor("x", [2**32, 2**32])]) + DATA, "shape"),
    "dimension 0": (header([], [tensor("x", [0, 8])]) + DATA, "shape"),
    "dimensions": (header([], [tensor("x", [1] * 5)]) + DATA, "5 dimensions"),
    "tensor type": (header([], [tensor("x", [8], kind=5000)]) + DATA, "unknown type 5000"),
    "half a block": (header([], [tensor("x", [20], kind=GGMLQuantizationType.Q8_0)]) + DATA, "shape"),
    "token twice": (
        header([setting("tokenizer.ggml.tokens", LIST, struct.pack("<IQ", TEXT, 2) + text("a") * 2)], []),
        "token 1 twice",
    ),
    "tokens alike up to a zero": (
        header(
            [
                setting(
                    "tokenizer.ggml.tokens", LIST, struct.pack("<IQ", TEXT, 2) + text("a\0b") + text("a\0c")
                )
            ],
            [],
        ),
        "token 1 twice",
    ),
    "no heads in a layer": (heads(2, 0), "layer 1 has keys of 8 numbers for 0 heads"),
    "heads of another length in a layer": (heads(2, 1), "layer 1 has keys of 8 numbers for 1 heads"),
    "giant heads in a layer": (heads(2, 2**31), "layer 1"),
    "heads of another length than told": (
        heads(2, 2, setting("llama.attention.key_length", U32, struct.pack("<I", 8))),
        "layer 0",
    ),
    "tokens as numbers": (
        header([setting("tokenizer.ggml.tokens", LIST, struct.pack("<IQ", U32, 1) + bytes(4))], []),
        "wrong type",
    ),
    "fewer kinds than tokens": (
        header(
            [
                setting("tokenizer.ggml.tokens", LIST, struct.pack("<IQ", TEXT, 2) + text("a") + text("b")),
                setting("tokenizer.ggml.token_type", LIST, struct.pack("<IQ", U32, 1) + bytes(4)),
            ],
            [],
        ),
        "1 items for 2 tokens",
    ),
    "epsilon": (
        header([setting("llama.attention.layer_norm_epsilon", 6, struct.pack("<f", -1))], []),
        "is -1",
    ),
    "layers without end": (header([ARCHITECTURE, LAYERS], [tensor("x", [8])]) + DATA, "block_count"),
    "more layers than tensors": (
        header([setting("llama.block_count", U32, struct.pack("<I", 2))], [tensor("x", [8])]) + DATA,
        "does not fit",
    ),
    "no width": (
        header([setting("llama.embedding_length", U32, bytes(4))], [tensor("x", [8])]) + DATA,
        "does not fit",
    ),
    "no heads where layers attend": (
        header(
            [setting("llama.attention.head_count", U32, bytes(4))],
            [tensor("blk.0.attn_q.weight", [8, 8])],
        )
        + DATA,
        "head_count' is 0, which does not fit",
    ),
    "a giant width": (
        header([setting("llama.embedding_length", U32, struct.pack("<I", 2**31))], [tensor("x", [8])]) + DATA,
        "does not fit",
    ),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("model"))[1]


@pytest.mark.parametrize("name", WORST)
def test_the_worst_files_are_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    content, word = WORST[name]
    file = tmp_path / "x.gguf"
    file.write_bytes(content)
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(GgufError, match=word) as refused:
            check_gguf(file)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 1
    assert str(file) in refused.value.message
    assert "\n" not in refused.value.sentence()
    with pytest.raises(GgufError):
        LlamaModel(file)
    with pytest.raises(GgufError):
        compare_tokens(file, None, [], "")
    with pytest.raises(ModelError) as unread:
        dequantise(file, tmp_path, SilentReporter())
    assert unread.value.code == "model.gguf_unreadable"


def test_whole_files_pass(tiny: Path, tmp_path: Path) -> None:
    check_gguf(tiny)
    check_gguf(Path(demo_source().where))
    writer = GGUFWriter(tmp_path / "all.gguf", "llama")
    writer.add_custom_alignment(64)
    writer.add_array("numbers", [1, 2, 3])
    writer.add_array("words", ["a", "ü", ""])
    writer.add_string("nothing", "")
    writer.add_float64("half", 0.5)
    writer.add_tensor("x", np.zeros((3, 32), np.float32))
    writer.add_tensor("y", np.zeros((2, 34), np.uint8), raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    check_gguf(tmp_path / "all.gguf")


def test_models_without_attention_have_no_heads(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    none = setting("mamba.attention.head_count", U32, bytes(4))
    file.write_bytes(header([none], [tensor("blk.0.ssm_in.weight", [8, 8])]) + DATA)
    assert check_gguf(file)["mamba.attention.head_count"] == 0


def test_every_shortening_is_noticed(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    file = tmp_path / "cut.gguf"
    chance = random.Random(SEED)
    for keep in {0, 3, 4, 8, 23, 24, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(60))}:
        file.write_bytes(whole[:keep])
        with pytest.raises(GgufError):
            check_gguf(file)


@settings(max_examples=150, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), begins=st.booleans())
def test_any_bytes_are_judged_at_once(content: bytes, begins: bool, tmp_path: Path) -> None:
    file = tmp_path / "any.gguf"
    file.write_bytes(b"GGUF\x03\x00\x00\x00" + content if begins else content)
    with suppress(GgufError):
        check_gguf(file)


#: Reads each file as answering does, and says after each that it lives.
_READER = """
import json, sys
from pathlib import Path
from engine.errors import BakeoffError
from engine.inference.llama.model import LlamaModel
from engine.inference.llama.sampler import Sampler
from engine.inference.llama.streaming import Stream
from engine.inference.sampling import GREEDY
for line in sys.stdin:
    try:
        with LlamaModel(Path(line.strip())) as model:
            stream = Stream(model, context=64, threads=1)
            list(stream.answer([1, 2, 3], [], 2, Sampler(model, GREEDY, None)))
            stream.close()
        print("read", flush=True)
    except BakeoffError as error:
        print(error.code, flush=True)
"""


def mutated(whole: bytes, end: int, chance: random.Random) -> bytes:
    """``whole`` with a few bytes, or a whole number, of its first ``end`` changed."""
    content = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(end - 8)
        if chance.random() < 0.3:
            value = chance.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
            content[place : place + 8] = struct.pack("<Q", value)
        else:
            content[place] = chance.randrange(256)
    return bytes(content)


def read_all(files: list[Path]) -> list[str]:
    """What became of each file in a process of its own, which must live to the last."""
    done = subprocess.run(
        [sys.executable, "-c", _READER],
        input="".join(f"{file}\n" for file in files),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    found = done.stdout.split()
    assert (len(found), done.returncode) == (len(files), 0), f"it ended at {files[len(found)]}: {done.stderr}"
    told = {code for code in found if code.startswith("answers.")}
    assert told <= {"answers.not_loadable", "answers.no_context", "answers.context_full"}
    assert set(found) - told <= {"read", "gguf.damaged"}
    return found


def test_mutated_files_end_no_process(tiny: Path, tmp_path: Path) -> None:
    """llama.cpp gets what passes the check."""
    print(f"seed {SEED}")
    whole = tiny.read_bytes()
    end = whole.index(b"token_embd.weight") + 2000
    # The vocabulary fills most of the header; the numbers around it decide more.
    words = whole.index(b"tokenizer.ggml.tokens")
    chance = random.Random(SEED)
    files = [tmp_path / f"{number}.gguf" for number in range(240)]
    for number, file in enumerate(files):
        file.write_bytes(mutated(whole, words if number % 3 else end, chance))
    found = read_all(files)
    assert found.count("gguf.damaged") > 50
    assert found.count("read") > 10


def test_no_absurd_setting_ends_the_process(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    places: list[tuple[int, str]] = []

    class Noting(_Header):
        def _number(self, form: str) -> int:
            if sys._getframe(1).f_code.co_name == "_setting":
                places.append((self._place, form))
            return super()._number(form)

    with tiny.open("rb") as stream:
        Noting(tiny, stream, len(whole)).check()
    files = []
    for place, form in places:
        size = struct.calcsize(form)
        floats: list[float] = [0.0, -1.0, 1e30, float("nan"), float("inf")]
        values = floats if form in "<f<d" else [0, 1, 3, 7, 2 ** (8 * size - 1) - 1, 2 ** (8 * size) - 1]
        for value in values:
            changed = struct.pack(form, value)
            files.append(tmp_path / f"{len(files)}.gguf")
            files[-1].write_bytes(whole[:place] + changed + whole[place + size :])
    assert len(files) > 150
    assert "read" in read_all(files)


def test_mutated_files_are_refused_when_they_are_added(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    end = whole.index(b"tokenizer.ggml.tokens")
    chance = random.Random(SEED)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = folder / "x.gguf"
        file.write_bytes(mutated(whole, end, chance))
        with suppress(ModelError):
            dequantise(file, folder, SilentReporter())


def test_texts_of_errors_are_fit_for_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    parts: list[Any] = [setting("k\u202e\u0007", U8, b"1")]
    file.write_bytes(header(parts, []))
    with pytest.raises(GgufError) as refused:
        check_gguf(file)
    assert refused.value.message.replace(str(file), "").isprintable()
