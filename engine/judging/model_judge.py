"""Judges that are models: asked with the judge prompt, answering with a structured verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import Words
from engine.inference.completion import Completion
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError, EndpointStoppedError
from engine.judging.parser import read_verdict
from engine.judging.prompt import VERDICT_SCHEMA, JudgePrompt, judge_prompt
from engine.judging.verdicts import Judgement, Message, Question

#: Most tokens of a judge's answer; an explanation has a few sentences, a reasoning model thinks first.
MAX_TOKENS: Final = 1024

#: Asks a model: messages and JSON schema in, completion out.
Complete = Callable[[Sequence[Message], Mapping[str, Any]], Completion]


@dataclass
class ModelJudge:
    """A model behind any function that completes messages.

    Attributes:
        name: Stored with each verdict, for example ``openai:gpt-4o``.
        identity: All that makes it this judge and no other (endpoint, URL, model; weights' hash).
        complete: Asks the model. May raise `EndpointError`.
        prompt: The judge prompt.
        on_stop: Called when the loop stops early.
    """

    name: str
    identity: tuple[str, ...]
    complete: Complete
    prompt: JudgePrompt
    on_stop: Callable[[], None] | None = None
    exhaustive: bool = False

    @property
    def prompt_sha256(self) -> str:
        """Hash of the judge prompt."""
        return self.prompt.sha256

    def key(self, question: Question) -> str:
        """Identifies prompt, answers, order, judge and judge prompt."""
        return self.prompt.key(question, self.identity)

    def judge(self, question: Question) -> Judgement:
        """Ask the model; a refusal or an unreadable answer is a failed judgement.

        Raises:
            BakeoffError: The next question would fail as well, or the budget is reached.
        """
        try:
            completion = self.complete(self.prompt.messages(question), VERDICT_SCHEMA)
        except EndpointError as error:
            if error.fatal or isinstance(error, EndpointStoppedError):
                raise
            return Judgement(None, reason=error.message, cost_usd=error.cost_usd, fault=error)
        return judgement_of(completion)

    def stop(self) -> None:
        """Give up what waits to be repeated."""
        if self.on_stop is not None:
            self.on_stop()


def judgement_of(completion: Completion) -> Judgement:
    """What a judge's answer says; one that cannot be read is a failed judgement."""
    reading = read_verdict(completion.text)
    return Judgement(
        winner=reading.winner if reading else None,
        explanation=reading.explanation if reading else completion.text,
        reason="" if reading else _why_unread(completion),
        snapshot=completion.model_snapshot,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        cost_usd=completion.cost_usd,
        seconds=completion.seconds,
    )


def endpoint_judge(
    endpoint: Endpoint, model: str, *, prompt: JudgePrompt | None = None, max_tokens: int = MAX_TOKENS
) -> ModelJudge:
    """A model behind an endpoint as the judge, deterministic as far as the endpoint allows.

    Raises:
        PriceError: The model has no known price.
    """
    endpoint.prices.require(model, endpoint.name)

    def complete(messages: Sequence[Message], schema: Mapping[str, Any]) -> Completion:
        return endpoint.complete(messages, model, temperature=0.0, max_tokens=max_tokens, schema=schema)

    identity = ("endpoint", endpoint.name, endpoint.place, model, str(max_tokens))
    return ModelJudge(f"{endpoint.name}:{model}", identity, complete, prompt or judge_prompt(), endpoint.stop)


def local_judge(
    name: str,
    weights_sha256: str,
    complete: Complete,
    *,
    prompt: JudgePrompt | None = None,
) -> ModelJudge:
    """A local model as the judge: the same prompt and the same reading of its answer."""
    return ModelJudge(f"local:{name}", ("local", weights_sha256), complete, prompt or judge_prompt())


def _why_unread(completion: Completion) -> str:
    if completion.refusal is not None:
        return Words("The judge refused: {words}", words=completion.refusal)
    if completion.finish_reason == "content_filter":
        return Words("The judge's answer was withheld by a content filter.")
    if not completion.text.strip():
        return Words("The judge's answer is empty (stopped by: {cause}).", cause=completion.finish_reason)
    if completion.finish_reason == "length":
        return Words("The judge's answer was cut at its limit before a verdict.")
    return Words("The judge's answer holds no verdict.")
