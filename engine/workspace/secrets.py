"""API keys: in the OS keyring, or in the environment. Never in the workspace, a log, an event or a file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, Literal

from engine.errors import BakeoffError

_SERVICE: Final = "bakeoff"
#: The name under which the token for the Hugging Face Hub is stored.
HUB: Final = "huggingface"


class SecretError(BakeoffError):
    """A key is missing or cannot be stored."""

    title = "The key is missing"


@dataclass(frozen=True)
class Secret:
    """A key and where it came from; its text shows in no representation."""

    value: str
    source: Literal["keyring", "environment"]

    def __repr__(self) -> str:
        return f"Secret(source={self.source!r})"


def environment_name(endpoint: str, key_env: str = "") -> str:
    """The environment variable that may hold the key of ``endpoint``."""
    return key_env or re.sub(r"\W", "_", endpoint.upper(), flags=re.ASCII) + "_API_KEY"


def find_key(endpoint: str, key_env: str = "") -> Secret | None:
    """The key of ``endpoint``: its environment variable first, then the OS keyring."""
    value = os.environ.get(environment_name(endpoint, key_env))
    if value:
        return Secret(value, "environment")
    stored = _from_keyring(endpoint)
    return Secret(stored, "keyring") if stored else None


def require_key(endpoint: str, key_env: str = "") -> Secret:
    """The key of ``endpoint``, or an error that says where to put it."""
    secret = find_key(endpoint, key_env)
    if secret is None:
        raise SecretError(
            "secret.missing",
            "There is no API key for the endpoint '{name}'.",
            fix="Set the environment variable {variable}, or store it with: bakeoff key set {name}",
            name=endpoint,
            variable=environment_name(endpoint, key_env),
        )
    return secret


def store_key(endpoint: str, value: str) -> None:
    """Put a key into the OS keyring.

    Raises:
        SecretError: This machine has no keyring (a headless one often has none).
    """
    import keyring
    import keyring.errors

    try:
        keyring.set_password(_SERVICE, endpoint, value)
    except keyring.errors.KeyringError as error:
        raise SecretError(
            "secret.no_keyring",
            "This machine has no keyring to store the key in.",
            fix="Set the environment variable {variable} instead; Bakeoff never writes a key to a file.",
            variable=environment_name(endpoint),
        ) from error


def forget_key(endpoint: str) -> bool:
    """Remove a key from the OS keyring; False when it holds none."""
    import keyring
    import keyring.errors

    try:
        keyring.delete_password(_SERVICE, endpoint)
    except keyring.errors.KeyringError:
        return False
    return True


def keyring_available() -> bool:
    """Whether this machine has a keyring that can store keys."""
    import keyring
    from keyring.backends import fail

    return not isinstance(keyring.get_keyring(), fail.Keyring)


def _from_keyring(endpoint: str) -> str | None:
    import keyring
    import keyring.errors

    try:
        stored: str | None = keyring.get_password(_SERVICE, endpoint)
        return stored
    except keyring.errors.KeyringError:
        return None
