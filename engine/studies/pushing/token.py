"""The token for the Hugging Face Hub: from the environment, the keyring, or its own log-in; never an argument."""

from __future__ import annotations

from dataclasses import dataclass

from engine.workspace.secrets import HUB, HUB_VARIABLE, SecretError, find_key


@dataclass(frozen=True)
class Token:
    """A token and where it came from; its text shows in no representation."""

    value: str
    source: str

    def __repr__(self) -> str:
        return f"Token(source={self.source!r})"


def require_token() -> Token:
    """The token to push with.

    Raises:
        SecretError: There is none.
    """
    secret = find_key(HUB, HUB_VARIABLE)
    if secret is not None:
        return Token(secret.value, secret.source)
    from huggingface_hub import get_token

    logged_in = get_token()
    if logged_in:
        return Token(logged_in, "hf auth login")
    raise SecretError(
        "push.no_token",
        "There is no token for the Hugging Face Hub.",
        fix="Set the environment variable {variable}, or store one with write access with: bakeoff key set {name}",
        variable=HUB_VARIABLE,
        name=HUB,
    )
