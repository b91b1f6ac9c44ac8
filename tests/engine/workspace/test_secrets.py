"""Keys: the environment, the keyring, or a plain sentence; never a file, never a representation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import PasswordDeleteError

from engine.workspace.secrets import (
    Secret,
    SecretError,
    environment_name,
    find_key,
    forget_key,
    keep_for_session,
    keyring_available,
    require_key,
    store_key,
)


class MemoryKeyring(KeyringBackend):
    """A keyring that lives in this process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError("there is none")
        del self.kept[service, username]


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    for name in ("OPENAI_API_KEY", "MY_LAB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    yield
    keyring.set_keyring(before)


@pytest.fixture
def memory_keyring(no_keyring: None) -> MemoryKeyring:
    ring = MemoryKeyring()
    keyring.set_keyring(ring)
    return ring


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not keyring_available()
    assert find_key("openai") is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found = find_key("openai")
    assert found is not None
    assert (found.value, found.source) == ("sk-secret", "environment")


@pytest.mark.usefixtures("no_keyring")
def test_a_missing_key_is_told_with_the_place_to_put_it() -> None:
    with pytest.raises(SecretError) as missing:
        require_key("my-lab")
    assert missing.value.code == "secret.missing"
    assert "MY_LAB_API_KEY" in missing.value.fix
    assert "bakeoff key set my-lab" in missing.value.fix


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_nothing_is_stored_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SecretError) as refused:
        store_key("openai", "sk-secret")
    assert refused.value.code == "secret.no_keyring"
    assert "sk-secret" not in f"{refused.value.sentence()}{refused.value.params}"
    assert not forget_key("openai")
    assert list(tmp_path.rglob("*")) == []


def test_a_stored_key_is_found_and_forgotten(memory_keyring: MemoryKeyring) -> None:
    assert keyring_available()
    store_key("openai", "sk-secret")
    found = find_key("openai")
    assert found is not None
    assert (found.value, found.source) == ("sk-secret", "keyring")
    assert find_key("other") is None
    assert forget_key("openai")
    assert find_key("openai") is None
    assert memory_keyring.kept == {}


@pytest.mark.usefixtures("memory_keyring")
def test_the_environment_goes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    store_key("openai", "from-keyring")
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert require_key("openai").value == "from-environment"
    monkeypatch.setenv("ELSEWHERE", "named")
    assert require_key("openai", "ELSEWHERE").value == "named"


@pytest.mark.usefixtures("memory_keyring")
def test_a_key_shows_in_no_representation() -> None:
    store_key("openai", "sk-secret")
    assert "sk-secret" not in repr(require_key("openai"))
    assert "sk-secret" not in f"{require_key('openai')}"


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_a_key_can_live_as_long_as_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.workspace.secrets._GIVEN", {})
    keep_for_session("my-lab", "sk-secret")
    found = find_key("my-lab")
    assert found is not None
    assert (found.value, found.source) == ("sk-secret", "session")
    monkeypatch.setenv("MY_LAB_API_KEY", "sk-of-the-user")  # who changes it outside is asked no more
    assert find_key("my-lab") == Secret("sk-of-the-user", "environment")
    monkeypatch.setenv("MY_LAB_API_KEY", "sk-secret")
    assert forget_key("my-lab")
    assert find_key("my-lab") is None
    assert not forget_key("my-lab")
    keep_for_session("my-lab", "sk-named", "THE_VARIABLE")
    assert require_key("my-lab", "THE_VARIABLE").source == "session"
    assert forget_key("my-lab", "THE_VARIABLE")


@pytest.mark.parametrize(
    ("endpoint", "variable"),
    [("openai", "OPENAI_API_KEY"), ("my-lab", "MY_LAB_API_KEY"), ("lab 2.0", "LAB_2_0_API_KEY")],
)
def test_each_endpoint_has_a_variable_that_a_shell_can_set(endpoint: str, variable: str) -> None:
    assert environment_name(endpoint) == variable
