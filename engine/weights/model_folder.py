"""The files of a model's folder beside its weights: config and tokenizer.

Tokenizer files are copied byte for byte: saving them again through a library rewrites them in its own
newest form, on which other programs trip.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from engine.weights.errors import WeightsError

#: Everything that may belong to a tokenizer, its chat template included.
TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tiktoken.model",
    "chat_template.jinja",
    "chat_template.json",
)
CONFIG: Final = "config.json"
GENERATION_CONFIG: Final = "generation_config.json"
_TEMPLATES: Final = "additional_chat_templates"


def read_config(folder: Path, name: str = CONFIG) -> dict[str, Any]:
    """The model's config.

    Raises:
        WeightsError: There is none, or it is not a JSON object.
    """
    file = folder / name
    try:
        value = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise WeightsError(
            "weights.config_missing",
            "{file} does not exist, so this is not a model folder.",
            fix="Check the path; a model is a folder with config.json and safetensors files.",
            file=str(file),
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            "weights.config_corrupt",
            "{file} cannot be understood.",
            fix="Download or copy the model again.",
            file=str(file),
        ) from error
    if not isinstance(value, dict):
        raise WeightsError(
            "weights.config_corrupt",
            "{file} does not hold a JSON object.",
            fix="Download or copy the model again.",
            file=str(file),
        )
    return value


def write_config(folder: Path, config: dict[str, Any], name: str = CONFIG) -> None:
    """Write a config the way the field does (two spaces, a newline at the end)."""
    (folder / name).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that describes the language model (nested in models of several kinds)."""
    nested = config.get("text_config")
    return nested if isinstance(nested, dict) else config


def config_dtype(config: dict[str, Any]) -> str | None:
    """The element type that a config claims (``"bfloat16"``), under its new or its old key."""
    for part in (config, text_config(config)):
        for key in ("dtype", "torch_dtype"):
            value = part.get(key)
            if isinstance(value, str) and value != "auto":
                return value.removeprefix("torch.")
    return None


def set_config_dtype(config: dict[str, Any], name: str) -> None:
    """Make a config claim the element type ``name``, under every key it uses already."""
    keys = {key for key in ("dtype", "torch_dtype") if key in config}
    if not keys:
        # Every release reads the old key; only transformers 5 reads the new one.
        keys = {"dtype" if str(config.get("transformers_version", "")).startswith("5") else "torch_dtype"}
    for key in keys:
        config[key] = name
    nested = text_config(config)
    for key in ("dtype", "torch_dtype"):
        if nested is not config and key in nested:
            nested[key] = name


def copy_tokenizer(source: Path, target: Path) -> list[str]:
    """Copy the tokenizer's files byte for byte; returns their names."""
    copied = []
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
            copied.append(name)
    if (source / _TEMPLATES).is_dir():
        shutil.copytree(source / _TEMPLATES, target / _TEMPLATES)
        copied.append(_TEMPLATES)
    return copied


def copy_generation_config(source: Path, target: Path) -> bool:
    """Copy ``generation_config.json`` byte for byte, if there is one."""
    if not (source / GENERATION_CONFIG).is_file():
        return False
    shutil.copyfile(source / GENERATION_CONFIG, target / GENERATION_CONFIG)
    return True


def drop_remote_code(config: dict[str, Any]) -> bool:
    """Remove the reference to Python files that a config wants to run; says whether there was one."""
    return config.pop("auto_map", None) is not None
