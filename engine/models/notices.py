"""Which of a model's files tell what it is and under what it may be used: cards, licences, notices, policies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

#: The words stand by themselves: at the beginning or the end, or between dots, spaces, hyphens, underscores.
_TEXT: Final = re.compile(
    r"(.*[ ._-])?(licen[cs]es?|copying|copyright|unlicen[cs]e|eula)([ ._-].*)?", re.IGNORECASE
)
_NOTICE: Final = re.compile(
    r"((.*[ ._-])?(third[ _-]?party[ _-]?)?(notices?|legal|patents)|.*use[ _-]?policy|.*terms[ _-]of[ _-]use)"
    r"([ ._-].*)?",
    re.IGNORECASE,
)
_CARD: Final = re.compile(r"readme(\..*)?", re.IGNORECASE)
#: What programs and weights end with, whatever they are called.
_NO_WORDS: Final = frozenset(
    {".py", ".pyc", ".safetensors", ".bin", ".gguf", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".json"}
)


def is_licence_text(name: str) -> bool:
    """Whether a file of this name holds the text of a licence."""
    return _TEXT.fullmatch(name) is not None and Path(name).suffix.lower() not in _NO_WORDS


def is_notice(name: str) -> bool:
    """Whether a file of this name has to be passed on with the model."""
    if is_licence_text(name):
        return True
    return _NOTICE.fullmatch(name) is not None and Path(name).suffix.lower() not in _NO_WORDS


def is_card(name: str) -> bool:
    """Whether a file of this name introduces the model."""
    return _CARD.fullmatch(name) is not None


def notices_in(folder: Path) -> list[Path]:
    """The files of a model's folder that have to be passed on with it, sorted."""
    return sorted(file for file in folder.iterdir() if file.is_file() and is_notice(file.name))


def card_in(folder: Path) -> Path | None:
    """The model card in a folder, however its name is written; None where there is none."""
    exact = folder / "README.md"
    if exact.is_file():
        return exact
    found = sorted(file for file in folder.glob("*") if file.name.lower() == "readme.md" and file.is_file())
    return found[0] if found else None
