"""A company's network: a proxy, and an authority of its own, as they are set for a workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.fake_openai import FakeOpenAI

pytest.importorskip("cryptography")
from tests.company_network import HOST, CompanyNetwork

_KEY = {"COMPANY_API_KEY": "sk-company-1234567890"}


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CompanyNetwork]:
    for name in [
        name for name in os.environ if name.upper().startswith("SSL_CERT") or "PROXY" in name.upper()
    ]:
        monkeypatch.delenv(name)  # what this machine's own network wants
    with FakeOpenAI() as server, CompanyNetwork(tmp_path, server) as running:
        yield running


def test_an_endpoint_is_reached_through_the_proxy_and_by_the_own_authority(
    cli: Cli, network: CompanyNetwork
) -> None:
    cli("endpoint", "add", "company", "--base-url", f"https://{HOST}/v1")
    assert cli("endpoint", "test", "company", environment=_KEY).status == 1  # nobody else knows that name
    assert network.asked == []

    cli("settings", "set", "proxy", network.proxy)
    distrusted = cli("endpoint", "test", "company", environment=_KEY)
    assert distrusted.status == 1
    assert "certificate" in distrusted.stderr
    assert set(network.asked) == {f"CONNECT {HOST}:443"}

    cli("settings", "set", "certificates", str(network.authority))
    reached = cli("endpoint", "test", "company", environment=_KEY)
    assert reached.status == 0, reached.stderr


def test_a_proxy_that_refuses_is_told(cli: Cli, network: CompanyNetwork) -> None:
    cli("endpoint", "add", "other", "--base-url", "https://models.elsewhere.test/v1")
    cli("settings", "set", "proxy", network.proxy)
    refused = cli("endpoint", "test", "other", environment={"OTHER_API_KEY": "sk-other-1234567890"})
    assert refused.status == 1
    assert "403" in refused.stderr or "proxy" in refused.stderr.lower()
