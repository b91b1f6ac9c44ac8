"""The endpoints of a workspace: added, changed, listed, tried and removed, with their keys in the OS keyring."""

from __future__ import annotations

import re
import time
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import select

from engine.errors import BakeoffError
from engine.inference.access import OPENAI, address, open_endpoint
from engine.inference.budget import Budget
from engine.inference.endpoint import Endpoint
from engine.progress import SilentReporter
from engine.workspace import Workspace
from engine.workspace.naming import endpoint_named, require_name
from engine.workspace.secrets import (
    HUB,
    HUB_VARIABLE,
    SecretError,
    find_key,
    forget_key,
    keep_for_session,
    store_key,
)
from engine.workspace.tables import Endpoint as EndpointRow

#: Words with a meaning of their own before a colon, or as a contestant or judge.
_RESERVED: Final = frozenset({"local", "untuned", "beat", "dataset", "reference", "human"})
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class EndpointSettingError(BakeoffError):
    """An endpoint cannot be set up like this."""

    title = "The endpoint cannot be used"


def add_endpoint(workspace: Workspace, name: str, base_url: str, key_env: str = "") -> dict[str, Any]:
    """Add an endpoint, or change where it is.

    Args:
        workspace: Where it is noted.
        name: What it is called.
        base_url: For example ``http://127.0.0.1:8000/v1``.
        key_env: Name of the environment variable that holds its key; empty for the usual one.

    Returns:
        ``name``, ``base_url``, ``key_env``, and where its ``key`` comes from (None: there is none).

    Raises:
        EndpointSettingError: Name, address or variable cannot be.
        EndpointError: The address is none.
    """
    name, url = require_name(name), _checked_url(name, base_url)
    if name in _RESERVED:
        raise EndpointSettingError(
            "endpoint.reserved",
            "'{name}' has a meaning of its own and cannot name an endpoint.",
            fix="Choose another name.",
            name=name,
        )
    if key_env and not _VARIABLE.fullmatch(key_env):
        # What was given may be the key itself, so it is not repeated.
        raise EndpointSettingError(
            "endpoint.key_env",
            "--key-env takes the name of an environment variable, and this is none.",
            fix="Give a name such as MY_API_KEY, or store the key with: bakeoff key set {name}",
            name=name,
        )
    with workspace.catalogue.writing() as rows:
        row = rows.get(EndpointRow, name)
        if row is None:
            row = EndpointRow(name=name, base_url=url, key_env=key_env)
            rows.add(row)
        else:
            row.base_url, row.key_env = url, key_env
        rows.flush()
    return _document(name, url, key_env)


def list_endpoints(workspace: Workspace) -> list[dict[str, Any]]:
    """All endpoints by name, OpenAI's own among them (see `add_endpoint`)."""
    with workspace.catalogue.reading() as rows:
        known = {row.name: (row.base_url, row.key_env) for row in rows.scalars(select(EndpointRow))}
    known.setdefault(OPENAI, address(workspace, OPENAI))
    return [_document(name, url, key_env) for name, (url, key_env) in sorted(known.items())]


def try_endpoint(workspace: Workspace, name: str) -> dict[str, Any]:
    """Ask an endpoint for its models, which costs nothing.

    Returns:
        ``name``, ``base_url``, ``key`` (where it came from), ``models``, ``seconds``.

    Raises:
        NameUnknownError: There is no such endpoint.
        SecretError: It needs a key, and there is none.
        EndpointError: It does not answer, or not like this.
    """
    url, key_env = address(workspace, name)
    secret = find_key(name, key_env)
    endpoint = open_endpoint(workspace, name, Budget(0.0), SilentReporter())
    started = time.monotonic()
    try:
        models = endpoint.models()
    finally:
        endpoint.close()
    return {
        "name": name,
        "base_url": url,
        "key": secret.source if secret else None,
        "models": models,
        "seconds": round(time.monotonic() - started, 2),
    }


def remove_endpoint(workspace: Workspace, name: str) -> bool:
    """Forget an endpoint and its key; tells whether there was a key.

    Raises:
        NameUnknownError: There is no such endpoint.
    """
    with workspace.catalogue.writing() as rows:
        row = endpoint_named(rows, name)
        key_env = row.key_env
        rows.delete(row)
    return forget_key(name, key_env)


def store_endpoint_key(workspace: Workspace, name: str, key: str) -> None:
    """Put the key of an endpoint, or the Hub's token, into the OS keyring.

    Raises:
        NameUnknownError: There is no such endpoint.
        EndpointSettingError: It holds characters that no key has.
        SecretError: There is no keyring.
    """
    if name != HUB:
        address(workspace, name)
    store_key(name, checked_key(key))


def keep_endpoint_key(workspace: Workspace, name: str, key: str) -> Literal["keyring", "session"]:
    """As `store_endpoint_key`; without a keyring, keep the key in this process until it ends.

    Returns:
        Where it is.

    Raises:
        NameUnknownError: There is no such endpoint.
        EndpointSettingError: It holds characters that no key has.
    """
    try:
        store_endpoint_key(workspace, name, key)
    except SecretError:
        keep_for_session(name, checked_key(key), key_variable(workspace, name))
        return "session"
    return "keyring"


def forget_endpoint_key(workspace: Workspace, name: str) -> bool:
    """Forget the key of an endpoint, or the Hub's token; tells whether there was one.

    Raises:
        NameUnknownError: There is no such endpoint.
    """
    return forget_key(name, key_variable(workspace, name))


def key_variable(workspace: Workspace, name: str) -> str:
    """The environment variable that was named for the key of an endpoint, or of the Hub; empty for the usual one."""
    return HUB_VARIABLE if name == HUB else address(workspace, name)[1]


def checked_key(key: str) -> str:
    """A key without what surrounds it.

    Raises:
        EndpointSettingError: It is none.
    """
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointSettingError(
            "endpoint.key_text",
            "There is no key on stdin, or it holds characters that no key has."
            if key
            else "No key was given.",
            fix="Copy the key again, without line breaks or quotes.",
        )
    return key


def _checked_url(name: str, url: str) -> str:
    """``url`` if it can be called and holds no secret."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise EndpointSettingError(
            "endpoint.url_secret",
            "The URL of an endpoint may hold no user name, password or query.",
            fix="Give the plain address, and store the key with: bakeoff key set {name}",
            name=name,
        )
    return Endpoint(name, url, None).base_url.rstrip("/")


def _document(name: str, url: str, key_env: str) -> dict[str, Any]:
    secret = find_key(name, key_env)
    return {"name": name, "base_url": url, "key_env": key_env, "key": secret.source if secret else None}
