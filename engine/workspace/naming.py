"""Finding things in the catalogue by the names people give them, and choosing free names."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable
from typing import Final, NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import BakeoffError, Words
from engine.workspace.tables import Dataset, Endpoint, Model, Study

#: Characters of a name at most.
LONGEST: Final = 100
_NAME = re.compile(rf"[^\W_](?:[\w.\- ]{{0,{LONGEST - 2}}}[\w.\-])?\Z")
#: Characters of the hash that tells names apart which are too long.
_HASH: Final = 8


class NameUnknownError(BakeoffError):
    """Nothing in the workspace has this name."""

    title = "This name is not known"


class NameTakenError(BakeoffError):
    """A name is in use, or cannot be a name."""

    title = "This name cannot be used"


def require_name(name: str) -> str:
    """Return ``name`` if it can name a dataset or model, else refuse it.

    Commas, colons and slashes have a meaning on the command line and in file names.
    """
    if not _NAME.match(name):
        raise NameTakenError(
            "name.unusable",
            "'{name}' cannot be used as a name.",
            fix="Use letters, digits, spaces, dots, hyphens, underscores, {longest} at most; begin with a letter "
            "or digit.",
            longest=LONGEST,
            name=name,
        )
    return name


def fitting(name: str) -> str:
    """The name where it is not too long; else its beginning, and a hash of all of it, so that no two become one."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - _HASH - 1]}-{hashlib.sha256(name.encode()).hexdigest()[:_HASH]}"


def require_free(session: Session, table: type[Dataset] | type[Model], name: str) -> None:
    """Refuse a name that a row of ``table`` has already."""
    require_name(name)
    if session.scalar(select(table).where(table.name == name)) is not None:
        raise NameTakenError(
            "name.taken",
            "There is already a {what} named '{name}'.",
            fix="Give another --name, or remove the old one first.",
            what=Words("dataset") if table is Dataset else Words("model"),
            name=name,
        )


def free_name(session: Session, table: type[Dataset] | type[Model], name: str) -> str:
    """``name`` if it is free, else ``name-2``, ``name-3`` and so on."""
    taken = set(session.scalars(select(table.name)))
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def dataset_named(session: Session, name: str) -> Dataset:
    """The dataset called ``name``."""
    row = session.scalar(select(Dataset).where(Dataset.name == name))
    return row if row is not None else _unknown(Words("dataset"), name, session.scalars(select(Dataset.name)))


def model_named(session: Session, name: str) -> Model:
    """The model called ``name``."""
    row = session.scalar(select(Model).where(Model.name == name))
    return row if row is not None else _unknown(Words("model"), name, session.scalars(select(Model.name)))


def study_named(session: Session, name: str) -> Study:
    """The study called ``name``."""
    row = session.get(Study, name)
    return row if row is not None else _unknown(Words("study"), name, session.scalars(select(Study.name)))


def endpoint_named(session: Session, name: str) -> Endpoint:
    """The endpoint called ``name``."""
    row = session.get(Endpoint, name)
    return (
        row if row is not None else _unknown(Words("endpoint"), name, session.scalars(select(Endpoint.name)))
    )


def slug(text: str) -> str:
    """A form of ``text`` that can be a name: runs of other characters become one hyphen."""
    cleaned = re.sub(r"[^\w.\-]+", "-", text, flags=re.UNICODE).strip("-._")
    return cleaned[:80] or "unnamed"


def _unknown(what: Words, name: str, known: Iterable[str]) -> NoReturn:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        fix = "Did you mean '{close}'?"
    elif names:
        fix = "Known are: {known}."
    else:
        fix = "There is no {what} in this workspace yet."
    raise NameUnknownError(
        f"{what}.unknown",
        "There is no {what} named '{name}'.",
        fix=fix,
        what=what,
        name=name,
        close=close[0] if close else "",
        known=", ".join(names[:12]),
    )
