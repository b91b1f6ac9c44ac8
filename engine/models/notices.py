"""Which of a model's files tell under what it may be used: licences, notices, policies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_TEXT: Final = re.compile(r"(licen[cs]e|copying|unlicense)([._-].*)?", re.IGNORECASE)
_NOTICE: Final = re.compile(r"(notices?|.*use[ _-]?policy|.*terms[ _-]of[ _-]use)([._-].*)?", re.IGNORECASE)


def is_licence_text(name: str) -> bool:
    """Whether a file of this name holds the text of a licence."""
    return _TEXT.fullmatch(name) is not None


def is_notice(name: str) -> bool:
    """Whether a file of this name has to be passed on with the model."""
    return is_licence_text(name) or _NOTICE.fullmatch(name) is not None


def notices_in(folder: Path) -> list[Path]:
    """The files of a model's folder that have to be passed on with it, sorted."""
    return sorted(file for file in folder.iterdir() if file.is_file() and is_notice(file.name))
