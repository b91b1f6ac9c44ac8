"""``bakeoff settings`` and ``bakeoff price`` as a person and a script meet them."""

from __future__ import annotations

from tests.conftest import Cli


def test_settings_are_listed_changed_and_reset(cli_here: Cli) -> None:
    listed = cli_here("settings", "list", "--json")
    assert {one["name"] for one in listed.json} >= {"proxy", "quantisation", "least_free_gb"}
    assert cli_here("settings", "set", "quantisation", "q8_0", "--json").json == {
        "name": "quantisation",
        "value": "q8_0",
    }
    assert "q8_0" in cli_here("settings", "list").stdout
    assert "q4_k_m" in cli_here("settings", "reset", "quantisation").stdout
    assert cli_here("settings", "set", "keep_awake", "no").stdout.strip() == "keep_awake is no."
    refused = cli_here("settings", "set", "quantisation", "q9")
    assert (refused.status, "no quantisation 'q9'" in refused.stderr) == (1, True)
    assert cli_here("settings", "set", "colour", "red").status == 1


def test_prices_are_set_listed_and_removed(cli_here: Cli) -> None:
    assert cli_here("price", "set", "lab:mine", "0.5", "1.5").status == 0
    assert cli_here("price", "list", "--json").json["models"][0] == {
        "model": "lab:mine",
        "input": 0.5,
        "output": 1.5,
        "own": True,
    }
    assert cli_here("price", "remove", "lab:mine", "--json").json["removed"]
    assert "lab:mine" not in cli_here("price", "list").stdout
    assert cli_here("price", "set", "x", "much", "1").status == 2
