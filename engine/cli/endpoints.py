"""``bakeoff endpoint`` and ``bakeoff key``: whom to ask over the network, and the keys for it.

A key is read from the keyboard or stdin and goes into the OS keyring; it is never an argument, because
arguments show in the list of processes and in the shell's history.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from engine.cli.session import Session, table

Result = tuple[Any, str]


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
    from engine.inference.endpoints import add_endpoint

    document = add_endpoint(session.workspace, options.name, options.base_url, options.key_env)
    return document, f"{document['name']} is at {document['base_url']}. {_key_text(document)}"


def _test(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.endpoints import try_endpoint

    document = try_endpoint(session.workspace, options.name)
    models = document["models"]
    shown = ", ".join(models[:8]) + (f" and {len(models) - 8} more" if len(models) > 8 else "")
    return document, f"{options.name} answers in {document['seconds']} s and offers {shown or 'no model'}."


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.endpoints import list_endpoints

    documents = list_endpoints(session.workspace)
    cells = [
        [item["name"], item["base_url"], f"in the {item['key']}" if item["key"] else "-"]
        for item in documents
    ]
    return documents, table(["name", "address", "key"], cells)


def _remove(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.endpoints import remove_endpoint

    forgotten = remove_endpoint(session.workspace, options.name)
    text = f"Removed {options.name}" + (" and its key." if forgotten else ".")
    return {"removed": options.name, "key_removed": forgotten}, text


def _set_key(options: argparse.Namespace, session: Session) -> Result:
    from engine.errors import UsageError
    from engine.inference.access import address
    from engine.inference.endpoints import store_endpoint_key
    from engine.workspace.secrets import HUB

    if options.surplus:
        raise UsageError(
            "usage.key_argument",
            "A key is never given as an argument, where other programs can read it.",
            fix="Run 'bakeoff key set NAME' and type it, or pass it on stdin. Replace the key you have shown.",
        )
    if options.name != HUB:
        address(session.workspace, options.name)  # before a key is asked for
    store_endpoint_key(session.workspace, options.name, _read_key(options.name))
    return {"name": options.name, "stored": "keyring"}, f"The key of {options.name} is in the keyring."


def _read_key(name: str) -> str:
    """The key from the keyboard (unseen) or the first line of stdin."""
    if sys.stdin is not None and sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"API key of {name}: ")
    return sys.stdin.readline() if sys.stdin is not None else ""


def _key_text(document: dict[str, Any]) -> str:
    if document["key"]:
        return f"Its key is in the {document['key']}."
    where = f"set {document['key_env']}, or use: " if document["key_env"] else ""
    return f"It has no key yet; if it needs one, {where}bakeoff key set {document['name']}"
