"""Opening an endpoint of the workspace for use: its URL, its key, the budget of the job."""

from __future__ import annotations

import os
from typing import Final

from engine.inference.budget import Budget
from engine.inference.endpoint import Endpoint
from engine.inference.pricing import PriceList
from engine.progress import Reporter
from engine.workspace import Workspace
from engine.workspace.naming import endpoint_named
from engine.workspace.secrets import find_key, require_key
from engine.workspace.tables import Endpoint as EndpointRow

OPENAI: Final = "openai"
_OPENAI_URL: Final = "https://api.openai.com/v1"


def address(workspace: Workspace, name: str) -> tuple[str, str]:
    """Base URL and the key's environment variable of the endpoint called ``name``.

    ``openai`` needs no row: ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` define it.
    """
    with workspace.catalogue.reading() as session:
        row = session.get(EndpointRow, name)
        if row is None and name == OPENAI:
            return os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL, "OPENAI_API_KEY"
        row = endpoint_named(session, name)
        return row.base_url, row.key_env


def prices(workspace: Workspace) -> PriceList:
    """The shipped prices with the workspace's own over them (``prices.json`` in its folder)."""
    own = workspace.root / "prices.json"
    return PriceList.with_file(own) if own.exists() else PriceList()


def access_key(workspace: Workspace, name: str) -> str | None:
    """The key of the endpoint called ``name``; a server on this machine may do without one.

    Raises:
        SecretError: It is nowhere to be found.
    """
    url, key_env = address(workspace, name)
    local = any(host in url for host in ("//127.0.0.1", "//localhost", "//[::1]"))
    secret = find_key(name, key_env) if local else require_key(name, key_env)
    return secret.value if secret else None


def open_endpoint(workspace: Workspace, name: str, budget: Budget, reporter: Reporter) -> Endpoint:
    """The endpoint called ``name``, ready to be called on ``budget``.

    Raises:
        SecretError: Its key is nowhere to be found.
    """
    url, _ = address(workspace, name)
    key = access_key(workspace, name)
    return Endpoint(name, url, key, prices=prices(workspace), budget=budget, reporter=reporter)
