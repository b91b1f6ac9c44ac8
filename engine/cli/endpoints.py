"""``bakeoff endpoint`` and ``bakeoff key``: whom to ask over the network, and the keys for it.

A key is read from the keyboard or stdin and goes into the OS keyring; it is never an argument, because
arguments show in the list of processes and in the shell's history.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, Final

from engine.cli.session import Session, table
from engine.errors import BakeoffError

Result = tuple[Any, str]

#: Words with a meaning of their own before a colon, or as a contestant or judge.
_RESERVED: Final = frozenset({"local", "untuned", "beat", "dataset", "reference", "human"})
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class EndpointSettingError(BakeoffError):
    """An endpoint cannot be set up like this."""

    title = "The endpoint cannot be used"


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the commands."""
    group = commands.add_parser("endpoint", help="OpenAI-compatible endpoints", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add or change an endpoint", parents=[everywhere])
    add.add_argument("name", metavar="NAME")
    add.add_argument("--base-url", required=True, metavar="URL", help="for example http://127.0.0.1:8000/v1")
    add.add_argument(
        "--key-env", default="", metavar="VAR", help="name of the environment variable that holds the key"
    )
    add.set_defaults(run=_add)
    test = actions.add_parser("test", help="see whether it answers (free of charge)", parents=[everywhere])
    test.add_argument("name", metavar="NAME")
    test.set_defaults(run=_test)
    listing = actions.add_parser("list", help="all endpoints", parents=[everywhere])
    listing.set_defaults(run=_list)
    remove = actions.add_parser("remove", help="forget an endpoint and its key", parents=[everywhere])
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)

    keys = commands.add_parser("key", help="API keys, in the OS keyring", parents=[everywhere])
    key_actions = keys.add_subparsers(metavar="ACTION", required=True)
    store = key_actions.add_parser(
        "set", help="store the key of an endpoint (asked for, or read from stdin)", parents=[everywhere]
    )
    store.add_argument("name", metavar="NAME")
    store.add_argument("surplus", nargs="*", help=argparse.SUPPRESS)
    store.set_defaults(run=_set_key)


def _add(options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.naming import require_name
    from engine.workspace.tables import Endpoint

    name, url = require_name(options.name), _checked_url(options.name, options.base_url)
    if name in _RESERVED:
        raise EndpointSettingError(
            "endpoint.reserved",
            "'{name}' has a meaning of its own and cannot name an endpoint.",
            fix="Choose another name.",
            name=name,
        )
    if options.key_env and not _VARIABLE.fullmatch(options.key_env):
        # What was given may be the key itself, so it is not repeated.
        raise EndpointSettingError(
            "endpoint.key_env",
            "--key-env takes the name of an environment variable, and this is none.",
            fix="Give a name such as MY_API_KEY, or store the key with: bakeoff key set {name}",
            name=name,
        )
    with session.workspace.catalogue.writing() as rows:
        row = rows.get(Endpoint, name)
        if row is None:
            row = Endpoint(name=name, base_url=url, key_env=options.key_env)
            rows.add(row)
        else:
            row.base_url, row.key_env = url, options.key_env
        rows.flush()
    document = _document(name, url, options.key_env)
    return document, f"{name} is at {url}. {_key_text(document)}"


def _checked_url(name: str, url: str) -> str:
    """``url`` if it can be called and holds no secret."""
    from urllib.parse import urlsplit

    from engine.inference.endpoint import Endpoint

    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise EndpointSettingError(
            "endpoint.url_secret",
            "The URL of an endpoint may hold no user name, password or query.",
            fix="Give the plain address, and store the key with: bakeoff key set {name}",
            name=name,
        )
    return Endpoint(name, url, None).base_url.rstrip("/")


def _test(options: argparse.Namespace, session: Session) -> Result:
    import time

    from engine.inference.access import address, open_endpoint
    from engine.inference.budget import Budget
    from engine.progress import SilentReporter
    from engine.workspace.secrets import find_key

    url, key_env = address(session.workspace, options.name)
    secret = find_key(options.name, key_env)
    endpoint = open_endpoint(session.workspace, options.name, Budget(0.0), SilentReporter())
    started = time.monotonic()
    try:
        models = endpoint.models()
    finally:
        endpoint.close()
    seconds = round(time.monotonic() - started, 2)
    document = {
        "name": options.name,
        "base_url": url,
        "key": secret.source if secret else None,
        "models": models,
        "seconds": seconds,
    }
    shown = ", ".join(models[:8]) + (f" and {len(models) - 8} more" if len(models) > 8 else "")
    return document, f"{options.name} answers in {seconds} s and offers {shown or 'no model'}."


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from sqlalchemy import select

    from engine.inference.access import OPENAI, address
    from engine.workspace.tables import Endpoint

    with session.workspace.catalogue.reading() as rows:
        known = {row.name: (row.base_url, row.key_env) for row in rows.scalars(select(Endpoint))}
    known.setdefault(OPENAI, address(session.workspace, OPENAI))
    documents = [_document(name, url, key_env) for name, (url, key_env) in sorted(known.items())]
    cells = [
        [item["name"], item["base_url"], f"in the {item['key']}" if item["key"] else "-"]
        for item in documents
    ]
    return documents, table(["name", "address", "key"], cells)


def _remove(options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.naming import endpoint_named
    from engine.workspace.secrets import forget_key

    with session.workspace.catalogue.writing() as rows:
        rows.delete(endpoint_named(rows, options.name))
    forgotten = forget_key(options.name)
    text = f"Removed {options.name}" + (" and its key." if forgotten else ".")
    return {"removed": options.name, "key_removed": forgotten}, text


def _set_key(options: argparse.Namespace, session: Session) -> Result:
    from engine.errors import UsageError
    from engine.inference.access import address
    from engine.workspace.secrets import HUB, store_key

    if options.surplus:
        raise UsageError(
            "usage.key_argument",
            "A key is never given as an argument, where other programs can read it.",
            fix="Run 'bakeoff key set NAME' and type it, or pass it on stdin. Replace the key you have shown.",
        )
    if options.name != HUB:
        address(session.workspace, options.name)
    key = _read_key(options.name)
    store_key(options.name, key)
    return {"name": options.name, "stored": "keyring"}, f"The key of {options.name} is in the keyring."


def _read_key(name: str) -> str:
    """The key from the keyboard (unseen) or the first line of stdin."""
    if sys.stdin is not None and sys.stdin.isatty():
        from getpass import getpass

        key = getpass(f"API key of {name}: ").strip()
    else:
        key = (sys.stdin.readline() if sys.stdin is not None else "").strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointSettingError(
            "endpoint.key_text",
            "There is no key on stdin, or it holds characters that no key has."
            if key
            else "No key was given.",
            fix="Copy the key again, without line breaks or quotes.",
        )
    return key


def _document(name: str, url: str, key_env: str) -> dict[str, Any]:
    from engine.workspace.secrets import find_key

    secret = find_key(name, key_env)
    return {"name": name, "base_url": url, "key_env": key_env, "key": secret.source if secret else None}


def _key_text(document: dict[str, Any]) -> str:
    if document["key"]:
        return f"Its key is in the {document['key']}."
    where = f"set {document['key_env']}, or use: " if document["key_env"] else ""
    return f"It has no key yet; if it needs one, {where}bakeoff key set {document['name']}"
