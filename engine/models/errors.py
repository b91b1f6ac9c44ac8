"""The failures of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from engine.errors import BakeoffError


class ModelError(BakeoffError):
    """A model cannot be read, added or used."""

    title = "The model cannot be used"

    def __init__(self, code: str, text: str, *, fix: str = "", **params: Any) -> None:
        self._templates = (text, fix)
        super().__init__(code, text, fix=fix, **params)

    def told_of(self, folder: Path, name: str) -> Self:
        """The same failure about ``name``, of which ``folder`` is a copy that will be gone."""
        text, fix = self._templates
        params = {
            key: value.replace(str(folder), name) if isinstance(value, str) else value
            for key, value in self.params.items()
        }
        return type(self)(self.code, text, fix=fix, **params)


class ModelNeededError(ModelError):
    """A model stays, because others need it."""

    title = "The model cannot be removed"


class TemplateError(BakeoffError):
    """A chat template cannot render a conversation."""

    title = "The conversation does not fit the chat template"
