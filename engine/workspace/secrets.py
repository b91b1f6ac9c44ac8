"""API keys: in the OS keyring, in the environment, or in this process until it ends; never in a file or a log."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, Literal

from engine.errors import BakeoffError

_SERVICE: Final = "bakeoff"
#: Variables of this process that hold keys which were given for as long as it lives.
_GIVEN: Final[dict[str, str]] = {}
#: The name under which the token for the Hugging Face Hub is stored.
HUB: Final = "huggingface"
#: The environment variable that may hold it, as everywhere in its field.
HUB_VARIABLE: Final = "HF_TOKEN"


class SecretError(BakeoffError):
    """A key is missing or cannot be stored."""

    title = "The key is missing"


@dataclass(frozen=True)
class Secret:
    """A key and where it came from; its text shows in no representation."""

    value: str
    source: Literal["keyring", "environment", "session"]

    def __repr__(self) -> str:
        return f"Secret(source={self.source!r})"


def environment_name(endpoint: str, key_env: str = "") -> str:
    """The environment variable that may hold the key of ``endpoint``."""
    return key_env or re.sub(r"\W", "_", endpoint.upper(), flags=re.ASCII) + "_API_KEY"


def find_key(endpoint: str, key_env: str = "") -> Secret | None:
    """The key of ``endpoint``: its environment variable first, then the OS keyring."""
    variable = environment_name(endpoint, key_env)
    value = os.environ.get(variable)
    if value:
        return Secret(value, "session" if _GIVEN.get(variable) == value else "environment")
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


def keep_for_session(endpoint: str, value: str, key_env: str = "") -> None:
    """Keep a key in this process and those that it starts, until it ends: where there is no keyring."""
    variable = environment_name(endpoint, key_env)
    os.environ[variable] = _GIVEN[variable] = value


def forget_key(endpoint: str, key_env: str = "") -> bool:
    """Remove a key from the OS keyring, and what was kept for this session; False where there was neither."""
    import keyring
    import keyring.errors

    variable = environment_name(endpoint, key_env)
    given = _GIVEN.pop(variable, None)
    if given is not None and os.environ.get(variable) == given:
        del os.environ[variable]
    try:
        keyring.delete_password(_SERVICE, endpoint)
    except keyring.errors.KeyringError:
        return given is not None
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
