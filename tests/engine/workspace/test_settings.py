"""Settings of a workspace: what they may be, how they are kept, and what of them reaches the environment."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.workspace import Workspace
from engine.workspace.network import from_environment, use_network
from engine.workspace.settings import SettingError, Settings, change, reset, settings_of

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for name in _VARIABLES:
        for spelt in (name, name.lower(), "BAKEOFF_NETWORK"):
            os.environ.pop(spelt, None)
    yield
    os.environ.clear()
    os.environ.update(before)


def authority() -> str:
    """A certificate of an authority that this machine trusts."""
    context = ssl.create_default_context()
    found = context.get_ca_certs(binary_form=True)
    if not found:
        pytest.skip("this machine has no certificates")
    return ssl.DER_cert_to_PEM_cert(found[0])


def test_what_was_never_set_is_as_it_comes_and_the_rest_of_the_file_stays(workspace: Workspace) -> None:
    assert settings_of(workspace) == Settings()
    workspace.change_setting("default_base", "x")
    change(workspace, "checkpoint_days", "30")
    assert settings_of(workspace).checkpoint_days == 30
    assert workspace.setting("default_base") == "x"
    reset(workspace, "checkpoint_days")
    assert settings_of(workspace).checkpoint_days == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proxy", "proxy.example:3128"),
        ("proxy", "ftp://proxy.example"),
        ("proxy", "http://anna:secret@proxy.example:3128"),
        ("direct", "a host"),
        ("least_free_gb", -1),
        ("least_free_gb", "nan"),
        ("checkpoint_days", "soon"),
        ("quantisation", "Q4 K"),
        ("colour", "red"),
    ],
)
def test_values_that_cannot_be_are_refused_and_change_nothing(
    workspace: Workspace, name: str, value: object
) -> None:
    with pytest.raises(SettingError) as caught:
        change(workspace, name, value)
    assert caught.value.fix
    assert "secret" not in caught.value.sentence()
    assert settings_of(workspace) == Settings()


def test_a_damaged_file_or_value_costs_nothing_else(workspace: Workspace) -> None:
    file = workspace.root / "settings.json"
    file.write_text(json.dumps({"checkpoint_days": "soon", "least_free_gb": 5}), encoding="utf-8")
    assert settings_of(workspace) == Settings(least_free_gb=5)
    file.write_text("{", encoding="utf-8")
    assert settings_of(workspace) == Settings()


def test_the_proxy_reaches_the_environment_and_leaves_it_again(workspace: Workspace) -> None:
    change(workspace, "proxy", "http://proxy.example:3128/")
    change(workspace, "direct", "intranet, 10.0.0.1")
    assert os.environ["HTTPS_PROXY"] == os.environ["HTTP_PROXY"] == "http://proxy.example:3128"
    assert os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1,intranet,10.0.0.1"
    change(workspace, "proxy", "")
    assert not any(os.environ.get(name) for name in _VARIABLES)


def test_what_the_user_has_in_the_environment_counts_more(workspace: Workspace) -> None:
    os.environ["https_proxy"] = "http://mine:1"
    change(workspace, "proxy", "http://proxy.example:3128")
    assert "HTTPS_PROXY" not in os.environ
    assert from_environment("HTTPS_PROXY")
    change(workspace, "proxy", "")
    assert os.environ["https_proxy"] == "http://mine:1"


def test_own_certificates_are_trusted_beside_the_systems(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "Behörde.pem"
    file.write_text(authority(), encoding="utf-8")
    change(workspace, "certificates", str(file))
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    assert len(trusted.get_ca_certs()) > 1
    file.unlink()  # the workspace has them by now
    use_network(workspace)
    assert Path(os.environ["SSL_CERT_FILE"]).is_file()
    reset(workspace, "certificates")
    assert "SSL_CERT_FILE" not in os.environ
    assert not (workspace.root / "certificates.pem").exists()


def test_a_file_without_certificates_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "letters.pem"
    for content in (None, "", "Dear mum"):
        if content is not None:
            file.write_text(content, encoding="utf-8")
        with pytest.raises(SettingError, match="cannot be used"):
            change(workspace, "certificates", str(file))
        assert settings_of(workspace).certificates == ""
