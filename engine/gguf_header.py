"""The header of a GGUF file, checked against the file before any library believes it.

Libraries allocate what a header announces and follow its offsets; a damaged or hostile one costs them all memory, or
ends the process. Layout: ``GGUF``, version, number of tensors, number of settings, the settings (key, type, value),
the tensors (name, dimensions, type, offset), data. Numbers are little-endian.
"""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from engine.errors import BakeoffError

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
#: Types of settings: how each is packed; a text and a list have their own lengths.
_FORMS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<B",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_U32: Final = 4
_TEXT: Final = 8
_LIST: Final = 9
#: The least bytes of a setting and of a tensor in the header.
_LEAST_SETTING: Final = 8 + 4 + 1
_LEAST_TENSOR: Final = 8 + 4 + 4 + 8
#: What ggml can hold.
_MOST_DIMENSIONS: Final = 4
_MOST_ELEMENTS: Final = 2**63 - 1
#: Longer headers than this, with vocabularies of a million tokens, are not known.
_LONGEST_NAME: Final = 65535
_ALIGNMENT: Final = "general.alignment"
#: Length of a head's keys, also where a layer sees a window only.
_KEY_LENGTHS: Final = (".attention.key_length", ".attention.key_length_swa")
#: Sizes of a model, none of which is larger than the largest dimension of its tensors.
_MODEL_SIZES: Final = (
    ".embedding_length",
    ".feed_forward_length",
    ".vocab_size",
    ".expert_count",
    ".attention.head_count",
    ".attention.head_count_kv",
    ".attention.value_length",
    *_KEY_LENGTHS,
)
#: Of these there are none where no layer attends, as in Mamba.
_HEADS: Final = (".attention.head_count", ".attention.head_count_kv")
_ATTENTION: Final = re.compile(r"blk\.\d{1,3}\.attn_(q|k|qkv)\.weight\Z")
_BLOCKS: Final = ".block_count"
_MOST: Final = {_BLOCKS: 512, ".context_length": 2**31 - 1}
#: Heads of keys and values: the same for all layers, or a list with one number for each.
_KEY_HEADS: Final = ".attention.head_count_kv"
_LAYER: Final = re.compile(r"blk\.(\d{1,3})\.")
_KEYS: Final = re.compile(r"blk\.(\d{1,3})\.attn_k\.weight\Z")
#: Where llama.cpp takes something for granted and ends the process otherwise.
_EPSILON: Final = "_epsilon"
_TOKENS: Final = "tokenizer.ggml.tokens"
_PER_TOKEN: Final = {"tokenizer.ggml.scores": (6,), "tokenizer.ggml.token_type": (4, 5)}
_LIST_KINDS: Final = {
    _TOKENS: (_TEXT,),
    "tokenizer.ggml.merges": (_TEXT,),
    "tokenizer.ggml.precompiled_charsmap": (0, 1),
    **_PER_TOKEN,
}
_PIECE: Final = 1 << 20


#: The value of a setting.
Setting = int | float | bool | str | list[Any]


class GgufError(BakeoffError):
    """A GGUF file whose header contradicts itself or the file."""

    title = "The GGUF file is damaged"


def check_gguf(file: Path) -> dict[str, Setting]:
    """Refuse a file that no library should be given.

    Returns:
        Its settings: numbers, texts of ordinary length, and lists of a few numbers.

    Raises:
        GgufError: It is no GGUF file, cut short, or its header is inconsistent.
        OSError: It cannot be read.
    """
    size = file.stat().st_size
    with file.open("rb", buffering=_PIECE) as stream:
        header = _Header(file, stream, size)
        header.check()
    return header.settings


class _Header:
    """Reads a header from the front to the back, and never more than the file has."""

    def __init__(self, file: Path, stream: BinaryIO, size: int) -> None:
        self._file = file
        self._stream = stream
        self._size = size
        self._place = 0
        self._alignment = 32
        self._model_sizes: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._key_heads: tuple[int, ...] = ()
        self.settings: dict[str, Setting] = {}

    def check(self) -> None:
        """Read everything."""
        if self._size < 4 or self._bytes(4) != _MAGIC:
            self._refuse("it does not begin like a GGUF file")
        version = self._number("<I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "big"), "little") in _VERSIONS
            self._refuse(
                "it is for big-endian machines" if swapped else f"its version {version} is not known"
            )
        tensors, settings = self._number("<Q"), self._number("<Q")
        self._require_room(settings, _LEAST_SETTING, "settings")
        self._require_room(tensors, _LEAST_TENSOR, "tensors")
        keys: set[str] = set()
        for _ in range(settings):
            key = self._name("the name of a setting")
            if key in keys:
                self._refuse(f"it has the setting '{key}' twice")
            keys.add(key)
            self._setting(key)
        self._require_vocabulary()
        self._tensors(tensors)

    def _setting(self, key: str) -> None:
        kind = self._number("<I")
        if key in _LIST_KINDS and kind != _LIST:
            self._refuse(f"the setting '{key}' is no list")
        if key == _ALIGNMENT:
            alignment = self._number("<I") if kind == _U32 else 0
            if alignment < 8 or alignment & (alignment - 1) or alignment > 1 << 20:
                self._refuse(f"its alignment {alignment} is no power of two from 8 to a million")
            self._alignment = alignment
        elif kind == _TEXT:
            text = self._text(f"the setting '{key}'", self._size)
            if len(text) <= _PIECE:
                self.settings[key] = text
        elif kind == _LIST:
            self._list(key)
        elif kind in _FORMS:
            value = self.settings[key] = self._number(_FORMS[kind])
            if key.endswith((*_MODEL_SIZES, _BLOCKS)):
                self._model_sizes[key] = value
            for ending, most in _MOST.items():
                if key.endswith(ending) and not 0 < value <= most:
                    self._refuse(f"the setting '{key}' is {value:g}")
            if key.endswith(_EPSILON) and not 0 <= value < math.inf:
                self._refuse(f"the setting '{key}' is {value:g}")
        else:
            self._refuse(f"the setting '{key}' has the unknown type {kind}")

    def _list(self, key: str) -> None:
        kind, count = self._number("<I"), self._number("<Q")
        self._lengths[key] = count
        if kind not in _LIST_KINDS.get(key, (kind,)):
            self._refuse(f"the setting '{key}' is a list of the wrong type {kind}")
        if kind in _FORMS:
            size = struct.calcsize(_FORMS[kind])
            self._require_room(count, size, f"items of the setting '{key}'")
            if count <= _MOST[_BLOCKS]:
                form = f"<{count}{_FORMS[kind][1:]}"
                values = struct.unpack(form, self._bytes(count * size))
                self.settings[key] = list(values)
                if key.endswith(_KEY_HEADS):
                    self._key_heads = values
            else:
                self._skip(count * size)
        elif kind == _TEXT:
            self._require_room(count, 8, f"items of the setting '{key}'")
            if key == _TOKENS:
                self._words(count)
            else:
                for _ in range(count):
                    self._skip(self._number("<Q"))
        else:
            self._refuse(f"the setting '{key}' is a list of the unknown type {kind}")

    def _words(self, count: int) -> None:
        """The vocabulary, in which no two tokens may be the same.

        llama.cpp reads each up to a zero in it, and gives empty ones names by their numbers.
        """
        known: set[bytes] = set()
        for number in range(count):
            word = self._bytes(self._number("<Q")).partition(b"\0")[0] or b"[EMPTY_%d]" % number
            if word in known:
                self._refuse(f"its vocabulary has the token {number} twice")
            known.add(word)

    def _require_vocabulary(self) -> None:
        tokens = self._lengths.get(_TOKENS)
        for key in _PER_TOKEN:
            if tokens is not None and self._lengths.get(key, tokens) != tokens:
                self._refuse(f"the setting '{key}' has {self._lengths[key]} items for {tokens} tokens")

    def _tensors(self, count: int) -> None:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        known: dict[int, tuple[int, int]] = {
            int(kind): GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType if kind in GGML_QUANT_SIZES
        }
        stored: dict[str, tuple[int, int]] = {}
        widths: dict[int, int] = {}
        largest, layers = 0, 0
        for _ in range(count):
            name = self._name("the name of a tensor")
            if name in stored:
                self._refuse(f"it has the tensor '{name}' twice")
            dimensions = self._number("<I")
            if dimensions > _MOST_DIMENSIONS:
                self._refuse(f"the tensor '{name}' has {dimensions} dimensions")
            shape = [self._number("<Q") for _ in range(dimensions)]
            kind, offset = self._number("<I"), self._number("<Q")
            if kind not in known:
                self._refuse(f"the tensor '{name}' has the unknown type {kind}")
            block, bytes_of_block = known[kind]
            elements = math.prod(shape)
            if not 0 < elements <= _MOST_ELEMENTS or (shape and shape[0] % block):
                self._refuse(f"the tensor '{name}' has an impossible shape")
            if offset % self._alignment:
                self._refuse(f"the tensor '{name}' lies at an impossible place")
            largest = max(largest, *shape, 1)
            if layer := _LAYER.match(name):
                layers = max(layers, int(layer[1]) + 1)
            if (keys := _KEYS.match(name)) and len(shape) == 2:
                widths[int(keys[1])] = shape[1]
            stored[name] = (offset, elements // block * bytes_of_block)
        self._require_place(stored)
        self._require_key_heads(widths)
        needed = (".embedding_length", *(_HEADS if any(map(_ATTENTION.match, stored)) else ()))
        for key, size in self._model_sizes.items():
            # A file of a vocabulary alone has no tensors.
            least, most = int(key.endswith(needed)), largest
            if key.endswith(_BLOCKS):
                least, most = layers, count
            if stored and not least <= size <= most:
                self._refuse(f"the setting '{key}' is {size:g}, which does not fit its tensors")

    def _require_key_heads(self, widths: dict[int, int]) -> None:
        """Refuse a list of heads that does not fit the keys of its layers; llama.cpp looks at the first layer only.

        Args:
            widths: Of the keys, by layer.
        """
        lengths = {size for key, size in self._model_sizes.items() if key.endswith(_KEY_LENGTHS)}
        for layer, width in sorted(widths.items()):
            if layer >= len(self._key_heads):
                continue
            heads = self._key_heads[layer]
            if not 0 < heads <= width or (lengths and width / heads not in lengths):
                self._refuse(f"layer {layer} has keys of {width} numbers for {heads:g} heads")
            lengths = lengths or {width / heads}

    def _require_place(self, stored: dict[str, tuple[int, int]]) -> None:
        """Refuse tensors that lie beyond the file's end or share bytes."""
        start = -(-self._place // self._alignment) * self._alignment
        previous, previous_end = "", 0
        for name, (offset, size) in sorted(stored.items(), key=lambda item: item[1]):
            if start + offset + size > self._size:
                self._refuse(
                    f"the tensor '{name}' should end at byte {start + offset + size}, but the file has only "
                    f"{self._size}"
                )
            if offset < previous_end:
                self._refuse(f"the tensors '{previous}' and '{name}' overlap")
            previous, previous_end = name, offset + size

    def _name(self, what: str) -> str:
        name = self._text(what, _LONGEST_NAME)
        if not name or not name.isprintable():
            self._refuse(f"{what} is empty or not readable")
        return name

    def _text(self, what: str, longest: int) -> str:
        length = self._number("<Q")
        if length > longest:
            self._refuse(f"{what} should have {length} bytes")
        try:
            return self._bytes(length).decode("utf-8")
        except UnicodeDecodeError:
            self._refuse(f"{what} is not UTF-8 text")

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return value

    def _bytes(self, count: int) -> bytes:
        self._require_room(count, 1, "bytes")
        found = self._stream.read(count)
        if len(found) < count:
            self._break_off()
        self._place += count
        return found

    def _skip(self, count: int) -> None:
        self._require_room(count, 1, "bytes")
        self._place += count
        # Seeking empties the buffer, and a vocabulary has many short texts.
        if count < _PIECE:
            self._stream.read(count)
        else:
            self._stream.seek(self._place)

    def _require_room(self, count: int, least: int, what: str) -> None:
        if count * least > self._size - self._place:
            if what == "bytes":
                self._break_off()
            self._refuse(f"it should have {count} {what}, more than the file has room for")

    def _break_off(self) -> NoReturn:
        self._refuse("it breaks off")

    def _refuse(self, reason: str) -> NoReturn:
        raise GgufError(
            "gguf.damaged",
            "The GGUF file {file} is damaged: {reason}.",
            fix="Download or copy it again, or export the model again.",
            file=str(self._file),
            reason=reason,
        )
