"""What a call costs: list prices per model, the bill of a call, and a forecast before any is sent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import BakeoffError
from engine.resources import resource

_MILLION: Final = 1_000_000
#: The endpoint whose prices the shipped ones are.
_OPENAI: Final = "openai"
#: Characters of English text per token, for forecasts only (OpenAI's rule of thumb).
_CHARACTERS_PER_TOKEN: Final = 4
#: Tokens that a message costs beside its text, with room to spare (OpenAI states 3 and a name).
_MESSAGE_TOKENS: Final = 8
#: A snapshot of a model: its name and a date, as in gpt-4o-2024-08-06 and gpt-4-0613.
_SNAPSHOT: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4})$")

#: A chat message in OpenAI's form.
Message = Mapping[str, Any]


class PriceError(BakeoffError):
    """A price is missing or cannot be read."""

    title = "The price is unknown"


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """USD for a call with that many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


@dataclass(frozen=True)
class Forecast:
    """What a list of calls will cost.

    Attributes:
        calls: How many calls.
        expected_usd: With four characters per token and the expected answers' length.
        most_usd: With the most tokens that the prompts can be and answers at the limit.
        explanation: How that was reckoned, in a sentence.
    """

    calls: int
    expected_usd: float
    most_usd: float
    explanation: str


class PriceList:
    """Prices by model name: the shipped list, with the user's own laid over it.

    Args:
        own: The user's prices, ``{model: {"input": USD, "output": USD}}``, with ``"batch"``: the share of it that a
            call in a batch costs, where that is not all. A name may be ``endpoint:model``, which holds for that
            endpoint only.

    Raises:
        PriceError: A price is not a number from 0 up, or a share not one from 0 to 1.
    """

    def __init__(self, own: Mapping[str, Any] | None = None) -> None:
        shipped = json.loads(resource("prices.json").read_text(encoding="utf-8"))
        #: Where the shipped prices are from, and of which day.
        self.source: str = shipped["source"]
        self.date: str = shipped["date"]
        self._prices = {name: _price(name, value) for name, value in shipped["models"].items()}
        self._prices.update({name: _price(name, value) for name, value in (own or {}).items()})
        #: Share of its price that a call in a batch costs: what OpenAI charges, and what the user says.
        self._openai_batch = float(shipped["batch"])
        self._own_batch = {name: _batch_share(name, value) for name, value in (own or {}).items()}

    @classmethod
    def with_file(cls, path: Path) -> PriceList:
        """The shipped list under the prices of a JSON file (``{model: {"input", "output"}}``).

        Raises:
            PriceError: The file cannot be read as that.
        """
        try:
            own = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PriceError(
                "price.file",
                "The prices in {file} cannot be read: {reason}.",
                fix='Write them as {{"MODEL": {{"input": USD, "output": USD}}}}, per million tokens.',
                file=str(path),
                reason=str(error),
            ) from error
        if not isinstance(own, dict):
            raise PriceError("price.file", "The prices in {file} are no JSON object.", file=str(path))
        return cls(own)

    def by_name(self) -> dict[str, Price]:
        """Every price."""
        return dict(self._prices)

    def find(self, model: str, endpoint: str = "") -> Price | None:
        """The price of ``model``: of its exact name, else of the model that it is a dated snapshot of."""
        name = self._known_as(model, endpoint)
        return None if name is None else self._prices[name]

    def require(self, model: str, endpoint: str = "") -> Price:
        """The price of ``model``.

        Raises:
            PriceError: There is none. A model whose price is unknown is never called, because no budget
                could be kept.
        """
        price = self.find(model, endpoint)
        if price is None:
            raise PriceError(
                "price.unknown",
                "There is no price for the model '{model}', so its cost cannot be kept within a budget.",
                fix="Set it in prices.json in the workspace folder, in USD per million tokens: "
                '{{"{model}": {{"input": 1.0, "output": 2.0}}}} (0 for a model that is free).',
                model=model,
            )
        return price

    def require_batch(self, model: str, endpoint: str = "") -> Price:
        """The price of ``model`` where it is asked in a batch: the full one where no other is known.

        Raises:
            PriceError: As in `require`.
        """
        price = self.require(model, endpoint)
        otherwise = self._openai_batch if endpoint in ("", _OPENAI) else 1.0
        share = self._own_batch.get(self._known_as(model, endpoint) or model, otherwise)
        return Price(price.input * share, price.output * share)

    def _known_as(self, model: str, endpoint: str) -> str | None:
        """The name that the price of ``model`` stands under."""
        plain = _SNAPSHOT.sub("", model)
        names = (f"{endpoint}:{model}", model, f"{endpoint}:{plain}", plain)
        return next((name for name in names if name in self._prices), None)


def most_prompt_tokens(messages: Sequence[Message], schema: Mapping[str, Any] | None = None) -> int:
    """A number of tokens that the prompt cannot exceed.

    The tokenizers in use are byte-level: a token is at least one byte, so the bytes are a bound.
    """
    size = sum(_MESSAGE_TOKENS + len(_text(message).encode("utf-8", "replace")) for message in messages)
    if schema is not None:
        size += len(json.dumps(schema).encode()) + _MESSAGE_TOKENS
    return size + _MESSAGE_TOKENS


def likely_tokens(text: str) -> int:
    """About how many tokens ``text`` is."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def forecast(
    prompts: Iterable[Sequence[Message]],
    price: Price,
    *,
    max_tokens: int,
    expected_tokens: int | None = None,
    schema: Mapping[str, Any] | None = None,
) -> Forecast:
    """Reckon what calls will cost before one is sent.

    Args:
        prompts: The messages of each call.
        max_tokens: The limit of each answer.
        expected_tokens: How long answers usually are; half the limit when not known.
        schema: The JSON schema sent along, if any.
    """
    usual = max_tokens // 2 if expected_tokens is None else min(expected_tokens, max_tokens)
    calls, expected, most = 0, 0.0, 0.0
    overhead = likely_tokens(json.dumps(schema)) if schema is not None else 0
    for messages in prompts:
        calls += 1
        likely = sum(_MESSAGE_TOKENS + likely_tokens(_text(message)) for message in messages) + overhead
        expected += price.cost(likely, usual)
        most += price.cost(most_prompt_tokens(messages, schema), max_tokens)
    return Forecast(
        calls,
        expected,
        most,
        f"{calls} calls at {price.input:g} USD per million input tokens and {price.output:g} per million "
        f"output tokens, {_CHARACTERS_PER_TOKEN} characters a token, {usual} tokens an answer; at most "
        f"{max_tokens} an answer and a token a byte. Repeated calls after a failure come on top.",
    )


def _text(message: Message) -> str:
    """Everything in a message that becomes tokens."""
    parts = {name: value for name, value in message.items() if name not in ("role", "content") and value}
    content = message.get("content") or ""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return text + (json.dumps(parts, ensure_ascii=False) if parts else "")


def _price(name: str, value: Any) -> Price:
    try:
        price = Price(float(value["input"]), float(value["output"]))
    except (TypeError, KeyError, ValueError):
        price = Price(math.nan, math.nan)
    if not (0 <= price.input < math.inf and 0 <= price.output < math.inf):
        raise PriceError(
            "price.bad",
            "The price of '{model}' is not two numbers from 0 up.",
            fix='Write it as {{"input": USD, "output": USD}}, per million tokens.',
            model=name,
        )
    return price


def _batch_share(name: str, value: Mapping[str, Any]) -> float:
    try:
        share = float(value.get("batch", 1.0))
    except (TypeError, ValueError):
        share = math.nan
    if not 0 <= share <= 1:
        raise PriceError(
            "price.batch",
            "The batch share of the price of '{model}' is no number from 0 to 1.",
            fix='Write it as {{"input": USD, "output": USD, "batch": 0.5}}.',
            model=name,
        )
    return share
