"""The user's own prices: set, listed first, forgotten; a damaged file is told and kept."""

from __future__ import annotations

import pytest

from engine.inference.access import prices
from engine.inference.own_prices import forget_price, list_prices, set_price
from engine.inference.pricing import PriceError
from engine.workspace import Workspace


def test_a_price_is_set_counts_and_is_forgotten(workspace: Workspace) -> None:
    shipped = prices(workspace).require("gpt-4o")
    set_price(workspace, "gpt-4o", 9.0, 90.0)
    set_price(workspace, "lab:mine", 0, 0)
    assert prices(workspace).require("gpt-4o").output == 90.0
    assert prices(workspace).require("mine", "lab").input == 0.0
    listed = list_prices(workspace)
    assert [one["model"] for one in listed["models"][:2]] == ["gpt-4o", "lab:mine"]
    assert listed["models"][0]["own"]
    assert not listed["models"][2]["own"]
    assert listed["date"]
    assert forget_price(workspace, "gpt-4o")
    assert not forget_price(workspace, "gpt-4o")
    assert prices(workspace).require("gpt-4o") == shipped


@pytest.mark.parametrize(
    ("model", "price"), [("", 1.0), ("two words", 1.0), ("x", -1.0), ("x", float("nan"))]
)
def test_what_is_no_price_is_refused(workspace: Workspace, model: str, price: float) -> None:
    with pytest.raises(PriceError):
        set_price(workspace, model, price, 1.0)
    assert not (workspace.root / "prices.json").exists()


def test_a_damaged_file_is_told_and_not_overwritten(workspace: Workspace) -> None:
    file = workspace.root / "prices.json"
    file.write_text("{ mine", encoding="utf-8")
    for call in (lambda: list_prices(workspace), lambda: set_price(workspace, "x", 1, 1)):
        with pytest.raises(PriceError, match="cannot be read"):
            call()
    assert file.read_text(encoding="utf-8") == "{ mine"
