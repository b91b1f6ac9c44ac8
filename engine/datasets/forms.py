"""The forms that rows come in: raw row -> draft of an example, or the fault that says why not.

=================== ==========================================================================================
``openai-chat``       ``messages`` (OpenAI's chat form), with ``tools``, ``response_format``, ``split``
``sharegpt``          ``conversations`` of ``from`` and ``value``, with ``system``, ``tools``
``alpaca``            ``instruction``, ``input``, ``output``; also ``system`` and ``history``
``prompt-completion`` ``prompt`` and ``completion``, texts or lists of messages
``input-output``      ``input`` and ``output``
``snips``             ``data``: pieces of an utterance, some with an ``entity``; the answer is the JSON of
                      entity -> text
``nlupp``             ``text`` with ``intents`` and ``slots``; the answer is the JSON of both
``columns``           whatever ``--map`` says
=================== ==========================================================================================

All but ``columns`` understand a ``split``, and those of prompt and answer a ``system`` column.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.datasets.errors import DatasetError, RowFaultError
from engine.datasets.messages import (
    MessageDict,
    check,
    conversation,
    described_format,
    described_tools,
    sharegpt,
)
from engine.datasets.options import Split, split_named
from engine.datasets.values import Row, as_json, compile_expression, pairs, text_of


@dataclass(slots=True)
class Draft:
    """A row in one shape, not yet part of a split.

    Attributes:
        messages: As `engine.datasets.example.Message.as_dict` gives them.
        tools: Descriptions of tools.
        response_format: The form of the answer.
        split: What the row itself says, if anything.
    """

    messages: list[MessageDict]
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    split: Split | None = None


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        name: Its name on the command line.
        required: Columns without which a row is not of this form.
        known: All columns it uses.
        fits: Whether a row has this form.
        messages: The row's conversation; the set takes up keys of messages that are left out.
    """

    name: str
    required: tuple[str, ...]
    known: frozenset[str]
    fits: Callable[[Row], bool]
    messages: Callable[[Row, set[str]], list[MessageDict]]


def _plain(prompt: Any, completion: Any, dropped: set[str], system: Any = None) -> list[MessageDict]:
    messages: list[MessageDict] = []
    given = text_of(system)
    if given.strip():
        messages.append({"role": "system", "content": given})
    if _are_messages(prompt):
        messages += conversation(prompt, dropped)
    else:
        text = text_of(prompt)
        if not text.strip():
            raise RowFaultError("row.prompt_empty", "the prompt is empty")
        messages.append({"role": "user", "content": text})
    if _are_messages(completion):
        messages += conversation(completion, dropped)
    else:
        messages.append({"role": "assistant", "content": text_of(completion)})
    return messages


def _are_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "role" in value[0]


def _any_conversation(value: Any, dropped: set[str]) -> list[MessageDict]:
    """Mapped messages may be of either kind."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "from" in value[0]:
        return sharegpt(value, dropped)
    return conversation(value, dropped)


def _with_system(row: Row, messages: list[MessageDict]) -> list[MessageDict]:
    given = text_of(row.get("system"))
    if given.strip() and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": given})
    return messages


def _alpaca(row: Row, dropped: set[str]) -> list[MessageDict]:
    instruction, extra = text_of(row["instruction"]), text_of(row.get("input"))
    messages: list[MessageDict] = []
    history = row.get("history") or []
    if not isinstance(history, list):
        raise RowFaultError("row.bad_history", "'history' is not a list of turns")
    for turn in history:
        if not isinstance(turn, list) or len(turn) != 2:
            raise RowFaultError("row.bad_history", "'history' is not a list of pairs of texts")
        messages += _plain(turn[0], turn[1], dropped)
    prompt = f"{instruction}\n\n{extra}" if extra.strip() and instruction.strip() else instruction or extra
    messages += _plain(prompt, row["output"], dropped)
    return _with_system(row, messages)


def _snips(row: Row, dropped: set[str]) -> list[MessageDict]:
    pieces = row["data"]
    if not isinstance(pieces, list) or not all(isinstance(piece, dict) for piece in pieces):
        raise RowFaultError("row.no_pieces", "'data' is not a list of pieces")
    texts = [text_of(piece.get("text")) for piece in pieces]
    return _plain("".join(texts), as_json(pairs([piece.get("entity") for piece in pieces], texts)), dropped)


def _nlupp(row: Row, dropped: set[str]) -> list[MessageDict]:
    intents, slots = row.get("intents") or [], row.get("slots") or {}
    if not isinstance(intents, list) or not isinstance(slots, dict):
        raise RowFaultError("row.bad_slots", "'intents' is not a list, or 'slots' not an object")
    texts = {name: slot.get("text") if isinstance(slot, dict) else slot for name, slot in slots.items()}
    return _plain(row["text"], as_json({"intents": intents, "slots": texts}), dropped)


def _is_snips(row: Row) -> bool:
    data = row.get("data")
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "text" in data[0]


def _is_nlupp(row: Row) -> bool:
    return "text" in row and (isinstance(row.get("intents"), list) or isinstance(row.get("slots"), dict))


def _form(
    name: str,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    messages: Callable[[Row, set[str]], list[MessageDict]],
    fits: Callable[[Row], bool] | None = None,
) -> Form:
    return Form(
        name=name,
        required=required,
        known=frozenset((*required, *optional, "split")),
        fits=fits or (lambda row: all(column in row for column in required)),
        messages=messages,
    )


#: In the order in which they are tried.
DETECTABLE: Final = (
    _form(
        "openai-chat",
        ("messages",),
        ("tools", "response_format"),
        lambda row, dropped: conversation(row["messages"], dropped),
    ),
    _form(
        "sharegpt",
        ("conversations",),
        ("system", "tools"),
        lambda row, dropped: _with_system(row, sharegpt(row["conversations"], dropped)),
    ),
    _form("alpaca", ("instruction", "output"), ("input", "system", "history"), _alpaca),
    _form(
        "prompt-completion",
        ("prompt", "completion"),
        ("system", "tools", "response_format"),
        lambda row, dropped: _plain(row["prompt"], row["completion"], dropped, row.get("system")),
    ),
    _form(
        "input-output",
        ("input", "output"),
        ("system",),
        lambda row, dropped: _plain(row["input"], row["output"], dropped, row.get("system")),
    ),
    _form("snips", ("data",), (), _snips, _is_snips),
    _form("nlupp", ("text",), ("intents", "slots"), _nlupp, _is_nlupp),
)


def named(name: str) -> Form:
    """The detectable form called ``name``."""
    return next(form for form in DETECTABLE if form.name == name)


def detect_form(rows: Iterable[Row]) -> tuple[Form | None, int]:
    """The form that most of ``rows`` have, and how many; None if none has any."""
    rows = list(rows)
    counts = [sum(form.fits(row) for row in rows) for form in DETECTABLE]
    best = max(counts, default=0)
    return (DETECTABLE[counts.index(best)], best) if best else (None, 0)


class Mapper:
    """Raw row -> checked draft, for one file.

    Args:
        form: The file's form; None for ``columns``.
        mapping: Role -> expression; overrides what the form says.
        columns: The columns seen in the file.
        system: System message for rows that have none.
        file: Named in errors.

    Attributes:
        dropped: Keys of messages that were left out so far.

    Raises:
        UsageError: A mapping cannot be followed.
        DatasetError: A mapping names a column that the file lacks, or there is neither form nor map.
    """

    def __init__(
        self,
        form: Form | None,
        mapping: Mapping[str, str],
        columns: Collection[str],
        system: str | None,
        file: str,
    ) -> None:
        self._paths = {role: compile_expression(text, columns, file) for role, text in mapping.items()}
        self._form = form
        self.dropped: set[str] = set()
        self._system = system if system and system.strip() else None
        if form is None and not {"messages", "completion"} & set(mapping):
            raise undecidable(columns, file)

    def __call__(self, row: Any) -> Draft:
        """Map one row.

        Raises:
            RowFaultError: It cannot become an example.
        """
        if isinstance(row, RowFaultError):
            raise row
        if not isinstance(row, dict):
            raise RowFaultError("row.not_an_object", "the row is not an object with columns")
        paths, form = self._paths, self._form
        if form is not None:
            for column in form.required:
                if column not in row:
                    raise RowFaultError("row.missing_column", "the row has no '{column}'", column=column)
            split = None if "split" in paths else _split(row.get("split"))
            draft = Draft(form.messages(row, self.dropped), split=split)
            if row.get("tools") and "tools" in form.known:
                draft.tools = described_tools(row["tools"])
            if row.get("response_format") and "response_format" in form.known:
                draft.response_format = described_format(row["response_format"])
        elif "messages" in paths:
            draft = Draft(
                _any_conversation(paths["messages"](row), self.dropped),
                described_tools(row.get("tools")),
                described_format(row.get("response_format")),
            )
        else:
            draft = Draft(_plain(paths["prompt"](row), paths["completion"](row), self.dropped))
        if paths:
            self._apply(draft, row)
        self._settle_system(draft.messages)
        check(draft.messages)
        return draft

    def _apply(self, draft: Draft, row: Row) -> None:
        if "split" in self._paths:
            draft.split = _split(self._paths["split"](row))
        if "system" in self._paths:
            given = text_of(self._paths["system"](row))
            if given.strip():
                if draft.messages[0]["role"] == "system":
                    draft.messages.pop(0)
                draft.messages.insert(0, {"role": "system", "content": given})

    def _settle_system(self, messages: list[MessageDict]) -> None:
        """An empty system message is none; a row without one gets the one asked for."""
        if messages[0]["role"] == "system":
            if (messages[0]["content"] or "").strip():
                return
            messages.pop(0)
            if not messages:
                raise RowFaultError("row.no_messages", "the row has no messages")
        if self._system is not None:
            messages.insert(0, {"role": "system", "content": self._system})


def undecidable(columns: Collection[str], file: str) -> DatasetError:
    """The error of a file whose rows have no known form."""
    names = [name for name in columns if name]
    asked, answered = (names[0], names[1]) if len(names) > 1 else ("COLUMN", "COLUMN")
    return DatasetError(
        "dataset.unknown_form",
        "Bakeoff cannot tell prompt and answer in {file}: its columns are {columns}.",
        fix="Say which they are, for example: --map prompt={asked} --map completion={answered}",
        file=file,
        columns=", ".join(names[:20]) or "none",
        asked=asked,
        answered=answered,
        names=tuple(names),
    )


def _split(value: Any) -> Split | None:
    if value is None or value == "":
        return None
    found = split_named(value) if isinstance(value, str) else None
    if found is None:
        raise RowFaultError(
            "row.unknown_split", "'{word}' is not a split (train, dev or test)", word=text_of(value)[:40]
        )
    return found
