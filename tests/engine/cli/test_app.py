"""``bakeoff app`` opens the window's program and says in words when it cannot."""

from __future__ import annotations

from tests.conftest import Cli


def test_without_a_screen_it_fails_in_one_sentence(cli: Cli) -> None:
    failed = cli("app", "--json", environment={"QT_QPA_PLATFORM": "no-such-platform"})
    assert failed.status == 1
    assert failed.json["error"]["code"] == "app.failed"
    assert "Traceback" not in failed.stderr
