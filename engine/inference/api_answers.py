"""Answers of an endpoint's model: each is committed to the catalogue before the next one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from engine.inference.budget import BudgetReachedError
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError, EndpointStoppedError
from engine.inference.stop_texts import cut_at
from engine.progress import Reporter
from engine.workspace import Workspace
from engine.workspace.tables import ApiOutput

_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Question:
    """A prompt for an endpoint, in OpenAI's shape."""

    id: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None


def ask_all(
    workspace: Workspace,
    endpoint: Endpoint,
    model: str,
    contestant_id: str,
    questions: Sequence[Question],
    max_tokens: int,
    reporter: Reporter,
    *,
    stop: Sequence[str] = (),
) -> str:
    """Ask every question that has no answer yet; each answer is stored as it comes, cut at the first stop text.

    Returns:
        ``done``, or ``budget`` when the ceiling ended it early.

    Raises:
        EndpointError: A failure that the next call would meet as well, or that repeating did not mend.
    """
    ended = Event()

    def ask(question: Question) -> None:
        if ended.is_set():
            return
        answer = endpoint.complete(
            question.messages,
            model,
            temperature=0.0,
            max_tokens=max_tokens,
            tools=question.tools,
            response_format=question.response_format,
        )
        with workspace.catalogue.writing() as session:
            session.add(
                ApiOutput(
                    contestant_id=contestant_id,
                    prompt_id=question.id,
                    text=cut_at(answer.text, stop),
                    stop="refusal" if answer.refusal else answer.finish_reason,
                    tokens=answer.output_tokens,
                    seconds=answer.seconds,
                    cost_usd=answer.cost_usd,
                    snapshot=answer.model_snapshot,
                )
            )

    reason = "done"
    failure: EndpointError | None = None
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting: list[Future[None]] = [pool.submit(ask, question) for question in questions]
        try:
            for number, future in enumerate(as_completed(waiting), start=1):
                try:
                    future.result()
                except BudgetReachedError:
                    reason = "budget"
                    ended.set()
                except EndpointStoppedError:
                    pass
                except EndpointError as error:
                    failure = failure or error
                    ended.set()
                reporter.progress(number, len(questions), "answers")
                reporter.check()
        except BaseException:
            ended.set()
            endpoint.stop()
            raise
    if failure is not None:
        raise failure
    return reason
