"""Prices, and the forecast of a bill."""

import json

import pytest

from engine.inference.pricing import Price, PriceError, PriceList, forecast, most_prompt_tokens


def test_a_dated_snapshot_costs_what_its_model_costs() -> None:
    prices = PriceList()
    assert prices.require("gpt-4o-2024-08-06") == prices.require("gpt-4o") == Price(2.5, 10.0)
    assert prices.require("gpt-4-0613") == prices.require("gpt-4")


def test_a_snapshot_with_its_own_price_keeps_it() -> None:
    assert PriceList().require("gpt-4o-2024-05-13") == Price(5.0, 15.0)
    assert PriceList().require("gpt-4-1106-preview") == Price(10.0, 30.0)


@pytest.mark.parametrize(
    "name", ["gpt-4-vision", "gpt-4o-2024-08", "GPT-4o", "", "gpt-4-turbo-preview-x", "gpt"]
)
def test_a_name_that_is_only_similar_has_no_price(name: str) -> None:
    assert PriceList().find(name) is None


def test_a_model_without_a_price_is_refused_with_what_to_do() -> None:
    with pytest.raises(PriceError, match="no price for the model 'mystery'") as caught:
        PriceList().require("mystery")
    assert '"mystery": {"input": 1.0, "output": 2.0}' in caught.value.fix


def test_own_prices_come_first_and_may_belong_to_one_endpoint() -> None:
    prices = PriceList({"gpt-4o": {"input": 1, "output": 2}, "home:llama": {"input": 0, "output": 0}})
    assert prices.require("gpt-4o") == Price(1, 2)
    assert prices.require("llama", "home") == Price(0, 0)
    assert prices.find("llama", "elsewhere") is None


def test_own_prices_can_stand_in_a_file(tmp_path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"m": {"input": 3, "output": 4}}))
    assert PriceList.with_file(file).require("m").cost(1_000_000, 500_000) == 5.0
    for broken in ("", "[1]", "{", '{"m": 3}', '{"m": {"input": -1, "output": 0}}', '{"m": {"input": "x"}}'):
        file.write_text(broken)
        with pytest.raises(PriceError):
            PriceList.with_file(file)
    with pytest.raises(PriceError, match=r"prices\.json"):
        PriceList.with_file(tmp_path / "none" / "prices.json")


def test_every_shipped_price_is_dated_and_output_costs_no_less_than_input() -> None:
    prices = PriceList()
    assert prices.date.startswith("20")
    assert "OpenAI" in prices.source
    for model in (
        "gpt-4",
        "gpt-4-turbo",
        "gpt-3.5-turbo",
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4.1",
        "gpt-4.1-mini",
    ):
        price = prices.require(model)
        assert 0 < price.input <= price.output


def test_the_bound_of_prompt_tokens_holds_in_any_script() -> None:
    for text in ("word " * 100, "слово " * 100, "言葉" * 100, "🙂" * 100, "\ud800"):
        messages = [{"role": "user", "content": text}]
        assert most_prompt_tokens(messages) >= len(text.encode("utf-8", "replace"))


def test_a_forecast_lies_below_its_ceiling_and_says_how_it_was_reckoned() -> None:
    prompts = [[{"role": "user", "content": "x" * 400}]] * 10
    result = forecast(prompts, Price(10.0, 30.0), max_tokens=200, expected_tokens=50)
    assert result.calls == 10
    # 10 calls of about 100 + 8 input tokens and 50 output tokens.
    assert result.expected_usd == pytest.approx(10 * (108 * 10 + 50 * 30) / 1e6)
    assert result.expected_usd < result.most_usd
    assert "10 calls" in result.explanation
    assert "30 per million" in result.explanation
