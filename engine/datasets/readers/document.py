"""JSON documents: an array of rows, or an object with one, streamed element by element.

The standard decoder runs over a window of text that grows only while an element is unfinished, so that the
size of the file does not matter, an element with broken UTF-8 or over the limit is one fault, and a document
that breaks off is told from one that ends.
"""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.options import split_named
from engine.datasets.readers import RawRow
from engine.datasets.readers.jsonl import without_surrogates
from engine.datasets.source import ROW_LIMIT

_CHUNK: Final = 1 << 20
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_ESCAPED_BYTE: Final = re.compile("[\udc80-\udcff]")
_IN_STRING: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OUTSIDE: Final = re.compile(r'["\[\]{},]')


#: Lists of objects under these names belong to one row, where their objects speak or describe a tool.
_CONVERSATIONS: Final = frozenset({"messages", "conversations", "prompt", "completion"})
_TOOLS: Final = "tools"
#: A document with these columns and no list of rows is itself one row.
_ROW: Final = (frozenset({"messages"}), frozenset({"conversations"}), frozenset({"prompt", "completion"}))


def read_document(stream: BinaryIO, encoding: str, path: Path) -> Iterator[RawRow]:
    """Read the rows of a JSON document; a row's number is that of the element.

    An object may hold one list of objects under any name, or several named after splits: their rows then
    get that ``split`` unless they name one. Or it is itself the only row: one conversation.

    Raises:
        DatasetError: The document is cut, broken between its elements, or holds no list of rows.
    """
    window = _Window(stream, encoding, path)
    first = window.peek()
    if first == "[":
        yield from enumerate(window.elements(), start=1)
    elif first == "{":
        yield from _members(window, path)
    else:
        _no_rows(path)
    if window.peek():
        raise DatasetError(
            "dataset.json_trailing",
            "{file} goes on after the end of its JSON document.",
            fix="Put each row on one line (JSONL), or all rows in one array.",
            file=str(path),
        )


def _members(window: _Window, path: Path) -> Iterator[RawRow]:
    """The rows of an object's list members; without any, the object itself where it is a row."""
    lists: list[str] = []
    whole: dict[str, Any] = {}
    number = 0
    window.take("{")
    while window.peek() != "}":
        name = str(window.value())
        window.take(":")
        if window.peek() != "[" or not window.list_of_objects():
            whole[name] = window.value()
        else:
            elements = window.elements()
            first = next(elements)
            if _is_of_one_row(name, first):
                whole[name] = [first, *elements]
            else:
                lists.append(name)
                _require_one_list(lists, path)
                split = split_named(name)
                for value in itertools.chain([first], elements):
                    number += 1
                    if split is not None and isinstance(value, dict):
                        value.setdefault("split", split)
                    yield number, value
        if window.peek() == ",":
            window.take(",")
        elif window.peek() != "}":
            window.broken("between its members")
    window.take("}")
    if not lists:
        if not any(columns <= whole.keys() for columns in _ROW):
            _no_rows(path)
        yield 1, next((part for part in _parts(whole) if isinstance(part, RowFaultError)), whole)


def _is_of_one_row(name: str, first: Any) -> bool:
    """Whether a list of objects under this name is part of one row, rather than the list of all rows."""
    speaks = isinstance(first, dict) and ("role" in first or "from" in first)
    return name == _TOOLS or (name in _CONVERSATIONS and speaks)


def _require_one_list(lists: list[str], path: Path) -> None:
    if len(lists) > 1 and not all(split_named(known) for known in lists):
        raise DatasetError(
            "dataset.several_lists",
            "{file} holds several lists of rows ('{first}' and '{second}').",
            fix="Import a file with one list, or with lists named train, dev and test.",
            file=str(path),
            first=lists[0],
            second=lists[-1],
        )


def _parts(row: dict[str, Any]) -> Iterator[Any]:
    """The values of a row, and the elements of those that are lists."""
    for value in row.values():
        yield value
        if isinstance(value, list):
            yield from value


def _no_rows(path: Path) -> NoReturn:
    raise DatasetError(
        "dataset.no_list",
        "{file} is JSON but holds no list of rows.",
        fix="Import an array of objects, or an object with one such array.",
        file=str(path),
    )


class _Window:
    """The part of a document's text that is being looked at."""

    def __init__(self, stream: BinaryIO, encoding: str, path: Path) -> None:
        self._stream = stream
        self._path = path
        errors = "surrogateescape" if encoding == "utf-8" else "strict"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._parse = json.JSONDecoder(parse_constant=lambda _name: None).raw_decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._element = 0
        self._grow()
        self._text = self._text.removeprefix("\ufeff")

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def take(self, character: str) -> None:
        """Step over ``character``, which must come next."""
        if self.peek() != character:
            self.broken(f"where '{character}' should be")
        self._at += 1

    def list_of_objects(self) -> bool:
        """Whether the list that comes next begins with an object."""
        while True:
            match = _SPACE.match(self._text, self._at + 1)
            after = match.end() if match else self._at + 1
            if after < len(self._text):
                return self._text[after] == "{"
            if not self._grow():
                return False

    def elements(self) -> Iterator[Any]:
        """The elements of the list that comes next; faults among them are values."""
        self.take("[")
        self._element = 0
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            self._element += 1
            yield self.value()
            after = self._text[self._at : self._at + 1]
            if after != "," and after != "]":
                after = self.peek()
            if after not in (",", "]"):
                self.broken("between its elements")
            self._at += 1
            if after == "]":
                return

    def value(self) -> Any:
        """The value that comes next, or the `RowFaultError` that says why it cannot be used."""
        self.peek()
        step = _CHUNK
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except RecursionError:
                self._skip()
                return RowFaultError("row.bad_json", "not valid JSON: nested too deep")
            except json.JSONDecodeError as error:
                if self._ended:
                    self.broken(f"({error.msg})", cut=_is_cut(error, self._text))
                if len(self._text) - self._at > ROW_LIMIT:
                    if not _is_cut(error, self._text):
                        self.broken(f"({error.msg})")
                    self._skip()
                    return _too_long()
            except ValueError:
                self._skip()
                return RowFaultError("row.bad_json", "not valid JSON: a number too long")
            else:
                # A number at the window's end may go on behind it.
                if end < len(self._text) or self._ended:
                    return self._checked(value, end)
            self._grow(step)
            step *= 2

    def broken(self, where: str, *, cut: bool | None = None) -> NoReturn:
        """Fail: the document cannot be read beyond this place."""
        if cut if cut is not None else self.peek() == "":
            raise DatasetError(
                "dataset.json_cut",
                "{file} breaks off in the middle (in element {element}).",
                fix="The file is not whole: fetch or write it again.",
                file=str(self._path),
                element=max(self._element, 1),
            )
        raise DatasetError(
            "dataset.json_broken",
            "The JSON of {file} is broken in or after element {element} {where}.",
            fix="Correct it there, or write one row a line (JSONL), so that one bad row costs only itself.",
            file=str(self._path),
            element=max(self._element, 1),
            where=where,
        )

    def _checked(self, value: Any, end: int) -> Any:
        start, self._at = self._at, end
        if end - start > ROW_LIMIT:
            return _too_long()
        text = self._text[start:end]
        if text.isascii():
            return without_surrogates(value, text)
        if _ESCAPED_BYTE.search(text):
            return RowFaultError("row.bad_utf8", "not valid UTF-8")
        return without_surrogates(value, text)

    def _skip(self) -> None:
        """Step over the value that comes next, however long or deep, holding one piece of it at a time."""
        depth, in_string = 0, False
        while True:
            if in_string:
                match = _IN_STRING.match(self._text, self._at)
                self._at = match.end() if match else self._at
                if self._text[self._at : self._at + 1] == '"':
                    self._at += 1
                    in_string = False
                elif not self._grow():
                    self.broken("", cut=True)
                continue
            match = _OUTSIDE.search(self._text, self._at)
            if match is None:
                self._at = len(self._text)
                if not self._grow():
                    self.broken("", cut=True)
                continue
            mark, self._at = match[0], match.end()
            if mark == '"':
                in_string = True
            elif mark in "[{":
                depth += 1
            elif depth == 0:
                self._at -= 1
                return
            elif mark in "]}":
                depth -= 1

    def _grow(self, size: int = _CHUNK) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        content = self._stream.read(size)
        self._ended = not content
        try:
            more = self._decoder.decode(content, final=self._ended)
        except UnicodeDecodeError as error:
            raise DatasetError(
                "dataset.encoding",
                "{file} is not valid {encoding} text.",
                fix="Save it again as UTF-8.",
                file=str(self._path),
                encoding=error.encoding.upper(),
            ) from error
        self._text = self._text[self._at :] + more
        self._at = 0
        return not self._ended


def _too_long() -> RowFaultError:
    return RowFaultError("row.too_long", "the element is over {limit} MB", limit=ROW_LIMIT // 10**6)


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether the decoder ran out of text, rather than into something wrong."""
    rest = text[error.pos :].strip()
    return (
        error.msg.startswith("Unterminated string")
        or not rest
        or (len(rest) < 8 and not set(rest) & set("]},"))
    )
