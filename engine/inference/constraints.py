"""What an answer is held to: one of some texts, a JSON schema, or a grammar."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import BakeoffError
from engine.inference.grammars.limits import LONGEST, require_moderate
from engine.inference.grammars.reading import require_readable
from engine.inference.grammars.schema import schema_grammar

#: Any JSON value that is an object.
_ANY_OBJECT: Final = '{"type": "object"}'

#: More different answers than this are no choice.
_MOST_CHOICES: Final = 1000


class ConstraintError(BakeoffError):
    """A constraint that cannot be read."""

    title = "The answers cannot be held to this"


class Constraint(BaseModel):
    """A set of texts; an answer is one of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["choices", "schema", "grammar"] = Field(title="Kind", description="How it is said.")
    text: str = Field(default="", title="Text", description="The JSON schema, or the grammar in GBNF.")
    choices: tuple[str, ...] = Field(default=(), title="Choices", description="The texts.")


def any_json() -> Constraint:
    """Any JSON object."""
    return Constraint(kind="schema", text=_ANY_OBJECT)


def of_choices(texts: Iterable[str]) -> Constraint:
    """One of some texts; each counts once.

    Raises:
        ConstraintError: There is none, or there are too many.
    """
    distinct: dict[str, None] = {}
    for text in texts:
        distinct[text.strip()] = None
        if len(distinct) > _MOST_CHOICES:
            raise ConstraintError(
                "constraint.many_choices",
                "The train split has more than {most} different answers: the task is no choice among some.",
                fix="Hold the answers to a JSON schema, or to nothing.",
                most=_MOST_CHOICES,
            )
    chosen = tuple(text for text in distinct if text)
    if not chosen:
        raise ConstraintError(
            "constraint.no_choices",
            "The train split has no answers that could be the choices.",
            fix="Import the dataset with a train split.",
        )
    return Constraint(kind="choices", choices=chosen)


def of_schema(schema: dict[str, Any]) -> Constraint:
    """What a JSON schema describes.

    Raises:
        AnsweringError: Answers cannot be held to it: it has what is not supported, or is too large.
    """
    require_moderate(schema_grammar(schema))
    return Constraint(kind="schema", text=json.dumps(schema, ensure_ascii=False))


def constraint_of(words: str | None, folder: Path) -> Literal["choices", "json"] | Constraint | None:
    """What answers are to be held to: ``choices``, ``json``, or what a file holds, in ``folder`` or elsewhere.

    Raises:
        ConstraintError: The file cannot be read.
        AnsweringError: Answers cannot be held to it.
    """
    if words is None:
        return None
    if words == "choices":
        return "choices"
    if words == "json":
        return "json"
    return read_constraint(folder / Path(words).expanduser())


def read_constraint(file: Path) -> Constraint:
    """The constraint in a file: a grammar in ``.gbnf``, or a JSON schema.

    Raises:
        ConstraintError: It cannot be read.
        AnsweringError: Answers cannot be held to it.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(LONGEST + 1)
    except FileNotFoundError as error:
        raise ConstraintError(
            "constraint.no_file",
            "There is no file {file}.",
            fix="Name a JSON schema, a grammar in a file that ends in .gbnf, or choices or json.",
            file=str(file),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConstraintError(
            "constraint.unreadable",
            "{file} cannot be read as text.",
            fix="Name a JSON schema, or a grammar in a file that ends in .gbnf.",
            file=str(file),
        ) from error
    if len(text) > LONGEST:
        raise ConstraintError(
            "constraint.too_large",
            "{file} has more than {most:,} characters, which no grammar or schema in use has.",
            fix="Name a JSON schema, or a grammar in a file that ends in .gbnf.",
            file=str(file),
            most=LONGEST,
        )
    if file.suffix == ".gbnf":
        require_moderate(text)
        require_readable(text)
        return Constraint(kind="grammar", text=text)
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConstraintError(
            "constraint.no_json",
            "{file} is no JSON: {reason}.",
            fix="Name a JSON schema, or a grammar in a file that ends in .gbnf.",
            file=str(file),
            reason=str(error),
        ) from error
    if not isinstance(schema, dict):
        raise ConstraintError(
            "constraint.no_schema",
            "{file} is no JSON schema: an object is expected.",
            fix='For example: {{"type": "object", "properties": {{"name": {{"type": "string"}}}}}}',
            file=str(file),
        )
    return of_schema(schema)
