"""The error every part of the engine raises: fit for a dialog, a terminal line and a JSON document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

#: What stands before the words of an error that another one tells.
_KIND: Final = re.compile(r"\A\w+Error: ")
#: Characters of a stranger's words in a sentence.
_LONGEST: Final = 200
#: What systems say of the failures of files and networks that are met most.
SYSTEM_TEXTS: Final = (
    "Broken pipe",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Device or resource busy",
    "Directory not empty",
    "Disk quota exceeded",
    "File exists",
    "File name too long",
    "File too large",
    "Input/output error",
    "Invalid argument",
    "Is a directory",
    "Name or service not known",
    "Network is unreachable",
    "No route to host",
    "No space left on device",
    "No such file or directory",
    "Not a directory",
    "Operation not permitted",
    "Permission denied",
    "Read-only file system",
    "Temporary failure in name resolution",
    "Too many open files",
)
#: Keys of a written text that say how it was made.
_TEMPLATE: Final = "template"
_FIX: Final = "fix_template"
_VALUES: Final = "values"


class Words(str):
    """A part of a sentence in the engine's own words, as a value of a template: told in another language, too.

    Args:
        text: A template over ``params``.
    """

    text: str
    params: dict[str, Any]

    def __new__(cls, text: str, /, **params: Any) -> Words:
        """Fill the template."""
        made = super().__new__(cls, _fill(text, params))
        made.text, made.params = text, params
        return made

    def told(self, translate: Callable[[str], str], fill: Callable[..., str] = str.format) -> str:
        """The words in another language.

        Args:
            translate: Turns a template into that language's.
            fill: Fills one, as `str.format` does, with that language's numbers.
        """
        return _told(self.text, self.params, translate, fill)

    def record(self) -> dict[str, Any]:
        """The template and its values as JSON."""
        return {_TEMPLATE: self.text, _VALUES: {name: _written(value) for name, value in self.params.items()}}


class BakeoffError(Exception):
    """An expected failure, told in one plain sentence with what to do about it.

    The text is a ``str.format`` template over ``params``, and ``code`` names the template, so a
    window can show the same failure in another language. A value that is itself an error or `Words` is told with it.

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

    @property
    def way_out(self) -> Words:
        """The fix as a value of another error's template."""
        return Words(self.fix_text, **self.params)

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

    def told(self, translate: Callable[[str], str], fill: Callable[..., str] = str.format) -> tuple[str, str]:
        """Message and fix in another language.

        Args:
            translate: Turns a template into that language's.
            fill: Fills one, as `str.format` does, with that language's numbers.
        """
        return (
            _told(self.text, self.params, translate, fill),
            _told(self.fix_text, self.params, translate, fill),
        )

    def record(self) -> dict[str, Any]:
        """As `as_dict`, with the templates and their values as JSON, for whoever reads it in another language."""
        return self.as_dict() | {
            _TEMPLATE: self.text,
            _FIX: self.fix_text,
            _VALUES: {name: _written(value) for name, value in self.params.items()},
        }

    def sentence(self) -> str:
        """Message and fix on one line, for a terminal."""
        return f"{self.message} {self.fix}".strip()


class UsageError(BakeoffError):
    """The request itself is wrong (exit status 2 on the command line)."""

    title = "This request cannot be understood"


def reason_of(error: BaseException) -> str:
    """Why a library or the system failed, for the middle of a sentence.

    Returns:
        What the system calls it (as `Words`: `SYSTEM_TEXTS` are told in other languages, too), or the first line of
        the error's text; of one that only names a check, what the check says; of a long one whole sentences. Without
        the stop at its end, and never empty.
    """
    if isinstance(error, OSError) and error.strerror:
        return Words(error.strerror.rstrip(".: "))
    text = str(error)
    first, _, then = text.strip().partition("\n")
    if first.endswith(":") and then.strip():
        first = _KIND.sub("", then.strip().partition("\n")[0])
    if len(first) > _LONGEST:
        first = first[: first.rfind(". ", 0, _LONGEST) + 1] or first[:_LONGEST]
    return first.rstrip(".: ") or type(error).__name__


def without_templates(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The ``error`` object of the command line's JSON, of an error that was written down."""
    if record is None:
        return None
    return {key: value for key, value in record.items() if key not in (_TEMPLATE, _FIX, _VALUES)}


def words_of(record: Mapping[str, Any]) -> Words:
    """Words that were written down (see `Words.record`)."""
    return Words(
        str(record.get(_TEMPLATE, "")),
        **{str(name): _read(value) for name, value in dict(record.get(_VALUES) or {}).items()},
    )


def templates(sentences: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The templates and values of those sentences that have them, by the sentence: kept beside written sentences."""
    return {str(one): one.record() for one in sentences if isinstance(one, Words)}


def with_template(sentence: str, kept: Mapping[str, Any] | None) -> str:
    """A sentence that was written down, with its template where that was kept (see `templates`)."""
    record = (kept or {}).get(sentence)
    return words_of(record) if isinstance(record, Mapping) else sentence


class RecordedError(BakeoffError):
    """An error that was written down (see `BakeoffError.record`); by earlier versions without templates."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        message, fix = str(record.get("message") or ""), str(record.get("fix") or "")
        text, fix_text, values = record.get(_TEMPLATE), record.get(_FIX), record.get(_VALUES)
        if isinstance(text, str) and isinstance(fix_text, str) and isinstance(values, dict):
            params = {str(name): _read(value) for name, value in values.items()}
        else:
            text, fix_text, params = "{message}", "{way_out}", {"message": message, "way_out": fix}
        super().__init__(str(record.get("code") or ""), text, fix=fix_text)
        self.title = str(record.get("title") or BakeoffError.title)  # type: ignore[misc]
        self.params, self.message, self.fix = params, message, fix
        self.args = (message,)


def _told(
    template: str, params: Mapping[str, Any], translate: Callable[[str], str], fill: Callable[..., str]
) -> str:
    """A template in another language, and with it the values that are words of the engine."""
    values = {
        name: value.told(translate, fill)
        if isinstance(value, Words)
        else value.told(translate, fill)[0]
        if isinstance(value, BakeoffError)
        else value
        for name, value in params.items()
    }
    return _fill(translate(template) if template else "", values, fill)


def _written(value: Any) -> Any:
    """A value of a template as JSON."""
    if isinstance(value, BakeoffError):
        value = Words(value.text, **value.params)
    if isinstance(value, Words):
        return value.record()
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _read(value: Any) -> Any:
    """What `_written` has written."""
    return words_of(value) if isinstance(value, dict) else value


def _fill(template: str, params: Mapping[str, Any], fill: Callable[..., str] = str.format) -> str:
    """Fill ``template`` with ``params``; a template without fields may contain braces freely."""
    try:
        return fill(template, **params) if params else template
    except (KeyError, IndexError, ValueError):
        return template
