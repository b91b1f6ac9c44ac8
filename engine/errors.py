"""The error every part of the engine raises: fit for a dialog, a terminal line and a JSON document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar


class BakeoffError(Exception):
    """An expected failure, told in one plain sentence with what to do about it.

    The text is a ``str.format`` template over ``params``, and ``code`` names the template, so a
    window can show the same failure in another language.

    Args:
        code: Stable dotted name of the failure, for example ``"dataset.empty_file"``.
        text: One sentence, as a template over ``params`` (``"{file} is empty."``).
        fix: What the reader can do about it, a template as well.
        **params: The values of the template. ``file`` and ``row`` are also part of the JSON shape.
    """

    title: ClassVar[str] = "Something went wrong"

    def __init__(self, code: str, text: str, *, fix: str = "", **params: Any) -> None:
        self.code = code
        self.params = params
        self.text = text
        self.fix_text = fix
        self.message = _fill(text, params)
        self.fix = _fill(fix, params)
        super().__init__(self.message)

    @property
    def file(self) -> str | None:
        """The file the failure is about, if there is one."""
        value = self.params.get("file")
        return None if value is None else str(value)

    @property
    def row(self) -> int | None:
        """The row (counted from 1) the failure is about, if there is one."""
        value = self.params.get("row")
        return None if value is None else int(value)

    def as_dict(self) -> dict[str, Any]:
        """The ``error`` object of the command line's JSON."""
        return {
            "code": self.code,
            "title": self.title,
            "message": self.message,
            "fix": self.fix,
            "file": self.file,
            "row": self.row,
        }

    def told(self, translate: Callable[[str], str]) -> tuple[str, str]:
        """Message and fix in another language.

        Args:
            translate: Turns a template into that language's.
        """
        return _fill(translate(self.text), self.params), _fill(translate(self.fix_text), self.params)

    def sentence(self) -> str:
        """Message and fix on one line, for a terminal."""
        return f"{self.message} {self.fix}".strip()


class UsageError(BakeoffError):
    """The request itself is wrong (exit status 2 on the command line)."""

    title = "This request cannot be understood"


def _fill(template: str, params: dict[str, Any]) -> str:
    """Fill ``template`` with ``params``; a template without fields may contain braces freely."""
    try:
        return template.format(**params) if params else template
    except (KeyError, IndexError, ValueError):
        return template
