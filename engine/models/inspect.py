"""What a model folder says about itself, read from its headers: no weights are loaded, no torch."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import BaseModel

from engine.files import sha256_file
from engine.models.errors import ModelError
from engine.models.notices import card_in

#: Names the weight files of a model that has several.
WEIGHTS_INDEX: Final = "model.safetensors.index.json"
_SINGLE: Final = "model.safetensors"
#: The number of a layer in the name of a tensor, whatever the architecture calls them.
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.")
_MAX_HEADER: Final = 100 * 1024 * 1024
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class ModelInfo(BaseModel):
    """Facts about a model folder.

    Attributes:
        parameters: Number of weights (stored ones: a tied head counts once).
        vocabulary: Rows of the embedding.
        context: Longest sequence it was made for, in tokens.
        disk_bytes: Bytes of the weight files.
        template_sha256: Hash of the chat template, empty when the model has none.
    """

    architecture: str
    model_type: str
    parameters: int
    vocabulary: int
    layers: int
    hidden: int
    intermediate: int = 0
    heads: int = 0
    key_value_heads: int = 0
    context: int
    dtype: str
    disk_bytes: int
    template_sha256: str = ""
    licence: str = ""


def inspect_folder(folder: Path) -> ModelInfo:
    """Read a Hugging Face folder.

    Raises:
        ModelError: It is not one, its weights are pickles, it needs code of its own, or it is damaged.
    """
    config = read_config(folder)
    refuse_remote_code(folder, config)
    files = weight_files(folder)
    parameters = 0
    stored_layers = 0
    dtypes: dict[str, int] = {}
    for file in files:
        for name, entry in _header_entries(file):
            numbers = _LAYER.findall(name)
            stored_layers = max(stored_layers, *(int(number) + 1 for number in numbers), 0)
            count = math.prod(entry["shape"])
            parameters += count
            dtypes[entry["dtype"]] = dtypes.get(entry["dtype"], 0) + count
    size = _Sizes(folder / "config.json", config)
    layers = size("num_hidden_layers", "n_layer")
    if stored_layers and layers > stored_layers:
        raise ModelError(
            "model.layers",
            "{file} speaks of {layers:,} layers, and the weights beside it have {stored:,}.",
            fix="Take the config.json that belongs to these weights, or download the missing files.",
            file=str(folder / "config.json"),
            layers=layers,
            stored=stored_layers,
        )
    return ModelInfo(
        architecture=_architecture(folder, config),
        model_type=str(config.get("model_type", "unknown")),
        parameters=parameters,
        vocabulary=size("vocab_size"),
        layers=layers,
        hidden=size("hidden_size", "n_embd"),
        intermediate=size("intermediate_size", "n_inner"),
        heads=size("num_attention_heads", "n_head"),
        key_value_heads=size("num_key_value_heads", "num_attention_heads", "n_head"),
        context=size("max_position_embeddings", "n_positions"),
        dtype=max(dtypes, key=lambda name: dtypes[name]) if dtypes else "unknown",
        disk_bytes=sum(file.stat().st_size for file in files),
        template_sha256=template_sha256(folder),
        licence=_licence(folder),
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``."""
    path = folder / "config.json"
    if not folder.exists():
        raise ModelError(
            "model.missing", "There is no folder {file}.", fix="Check the path.", file=str(folder)
        )
    if not path.exists():
        raise ModelError(
            "model.no_config",
            "{file} is not a model folder: it has no config.json.",
            fix="Name a folder with config.json, the tokenizer and *.safetensors, or a .gguf file.",
            file=str(folder),
        )
    return _read_object(path)


def refuse_remote_code(folder: Path, config: dict[str, Any]) -> None:
    """Refuse a model, or a tokenizer, that would run Python code of its own."""
    if config.get("auto_map") or _tokenizer_config(folder).get("auto_map"):
        raise ModelError(
            "model.remote_code",
            "The model in {file} wants to run program code of its own, which Bakeoff never does.",
            fix="Use a model of an architecture that the transformers library knows.",
            file=str(folder),
        )


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder that are the model, in order.

    Raises:
        ModelError: There are none, or only pickles, or a shard is missing.
    """
    names = loaded_files([file.name for file in folder.glob("*.safetensors")], indexed_files(folder))
    if names:
        files = [folder / name for name in names]
        for file in files:
            if not file.exists():
                raise ModelError(
                    "model.missing_shard",
                    "The weights file {file} is missing.",
                    fix="Download the model again.",
                    file=str(file),
                )
        return files
    pickles = [file for pattern in _PICKLES for file in folder.glob(pattern)]
    if pickles:
        raise ModelError(
            "model.pickle",
            "The weights {file} are in pickle format, which can run any program when it is opened.",
            fix="Use a version of the model with .safetensors files.",
            file=str(pickles[0]),
        )
    raise ModelError(
        "model.no_weights",
        "{file} has no *.safetensors weights.",
        fix="Name a folder with config.json, the tokenizer and *.safetensors, or a .gguf file.",
        file=str(folder),
    )


def indexed_files(folder: Path) -> list[str] | None:
    """The weight files that a folder's index names; None where it has no index."""
    index = folder / WEIGHTS_INDEX
    if not index.exists():
        return None
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        if any(Path(name).name != name for name in names):
            raise ValueError("a path that leads out of the folder")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(
            "model.bad_index",
            "The file {file} is damaged.",
            fix="Download the model again.",
            file=str(index),
        ) from error
    return names


def loaded_files(present: list[str], indexed: list[str] | None) -> list[str]:
    """Which of the safetensors files are the model.

    Others may be a second copy of the same weights, such as Mistral's ``consolidated.safetensors``.

    Args:
        present: Names of all safetensors files.
        indexed: Those that the index names; None without an index.
    """
    if indexed is not None:
        return indexed
    return [_SINGLE] if _SINGLE in present else sorted(present)


def weights_sha256(folder: Path) -> str:
    """Hash of all weight files together; of a single file it is that file's SHA-256."""
    files = weight_files(folder)
    digests = [sha256_file(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read_template(folder: Path) -> str | None:
    """The chat template of a folder, None when it has none.

    Raises:
        ModelError: The file that has it is damaged.
    """
    file = folder / "chat_template.jinja"
    if file.exists():
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ModelError(
                "model.bad_template",
                "The chat template {file} is not UTF-8 text.",
                fix="Download the model again.",
                file=str(file),
            ) from error
    template = _tokenizer_config(folder).get("chat_template")
    if isinstance(template, list):  # several named ones
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def template_sha256(folder: Path) -> str:
    """Hash of the chat template, empty when there is none."""
    template = read_template(folder)
    return hashlib.sha256(template.encode("utf-8")).hexdigest() if template else ""


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    """``tokenizer_config.json``; empty where there is none."""
    path = folder / "tokenizer_config.json"
    return _read_object(path) if path.exists() else {}


def _read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of the model."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(
            "model.bad_config",
            "The file {file} is not valid JSON.",
            fix="Download the model again.",
            file=str(path),
        ) from error
    if not isinstance(value, dict):
        raise ModelError(
            "model.bad_config",
            "The file {file} does not hold an object.",
            fix="Download the model again.",
            file=str(path),
        )
    return value


class _Sizes:
    """The numbers in a configuration.

    Args:
        path: The file, named in errors.
        config: What it holds, of a model of several modalities the part about text.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self._path = path
        text = config.get("text_config") or config
        self._text = text if isinstance(text, dict) else self._refuse("text_config")

    def __call__(self, *names: str) -> int:
        """The first of these numbers that is there, the largest of one given for each layer; else 0."""
        for name in names:
            value = self._text.get(name)
            if value is None:
                continue
            values = value if isinstance(value, list) and value else [value]
            if not all(isinstance(number, int | float) for number in values):
                self._refuse(name)
            return int(max(values))
        return 0

    def _refuse(self, name: str) -> NoReturn:
        raise ModelError(
            "model.bad_config",
            "The file {file} has something unexpected as '{name}'.",
            fix="Download the model again.",
            file=str(self._path),
            name=name,
        )


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    named = config.get("architectures") or ["unknown"]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise ModelError(
            "model.bad_config",
            "The file {file} has something unexpected as '{name}'.",
            fix="Download the model again.",
            file=str(folder / "config.json"),
            name="architectures",
        )
    return str(named[0])


def _header_entries(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and entries of a safetensors header (its first 8 bytes are its length)."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(_MAX_HEADER, file.stat().st_size):
                raise ValueError("header longer than the file")
            header = json.loads(stream.read(length))
            for name, entry in header.items():
                if name != "__metadata__":
                    _require_entry(entry, file.stat().st_size - 8 - length)
                    yield name, entry
    except (
        struct.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ModelError(
            "model.damaged",
            "The weights file {file} is cut off or damaged.",
            fix="Download the model again.",
            file=str(file),
        ) from error


def _require_entry(entry: dict[str, Any], room: int) -> None:
    """Refuse the entry of a tensor that cannot lie in ``room`` bytes of data."""
    numbers = (*entry["shape"], *entry["data_offsets"])
    whole = all(type(number) is int and 0 <= number < 2**63 for number in numbers)
    known = isinstance(entry["shape"], list) and isinstance(entry["dtype"], str)
    if not whole or not known or len(numbers) > 64:
        raise ValueError("an entry of the header is no tensor")
    begin, end = entry["data_offsets"]
    if not begin <= end <= room or 8 * (end - begin) < math.prod(entry["shape"]):
        raise ValueError("tensor beyond the end of the file")


def _licence(folder: Path) -> str:
    """The ``license:`` line of the model card, if there is one."""
    card = card_in(folder)
    if card is not None:
        for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:60]:
            if line.startswith("license:"):
                return line.partition(":")[2].strip()
    return ""
