"""Calls to one model in batches: what is sent, within the budget, and what is made of the answers.

The requests go there as a file; their answers come back as one, in any order, each under its call's id.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import Words
from engine.inference.batches.notes import BatchNotes, Sent
from engine.inference.batches.remote import RemoteBatches
from engine.inference.budget import BudgetReachedError, Reservation
from engine.inference.completion import Completion, completion_of, request_of
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError
from engine.inference.pricing import Message, most_prompt_tokens

if TYPE_CHECKING:
    from openai.types import Batch

#: What OpenAI takes in one batch: so many requests, in a file of 200 MB.
MOST_CALLS: Final = 50_000
MOST_BYTES: Final = 190_000_000
#: Seconds between two looks at a batch: the first ones, and the most.
_FIRST_LOOK: Final = 2.0
_LONGEST_LOOK: Final = 60.0
#: Seconds between two looks at whether somebody wants to interrupt.
_CHECK_EVERY: Final = 0.2
#: USD that sums of many small ones may differ by.
_ROUNDING: Final = 1e-9
_ENDED: Final = frozenset({"completed", "expired", "cancelled", "failed"})


@dataclass(frozen=True)
class Call:
    """One request of a batch.

    Attributes:
        id: Unlike any other's; the same request has the same in every run.
        messages: In OpenAI's form.
        schema: A JSON schema that the answer must follow.
    """

    id: str
    messages: Sequence[Message]
    schema: Mapping[str, Any] | None = None


@dataclass
class _Round:
    """What is sent together."""

    lines: list[bytes] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    usd: float = 0.0
    size: int = 0


class BatchCalls:
    """Calls to one model in batches.

    Args:
        endpoint: Whom to ask; its budget and reporter are used.
        model: A name that the endpoint knows.
        folder: Where batches and their answers are noted; the same for every attempt at the same work.
        temperature: None leaves it to the endpoint.
        max_tokens: The most tokens of an answer; also bounds the cost.
        first_look: Seconds until the endpoint is asked how far a batch is; doubled up to a minute.

    Raises:
        PriceError: The model has no known price.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        folder: Path,
        *,
        temperature: float | None = 0.0,
        max_tokens: int = 1024,
        first_look: float = _FIRST_LOOK,
    ) -> None:
        self.endpoint = endpoint
        self._model = model
        self._notes = BatchNotes(folder)
        self._remote = RemoteBatches(endpoint, model)
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._first_look = first_look
        self._price = endpoint.prices.require_batch(model, endpoint.name)
        self._reporter = endpoint.reporter
        self._reserved: dict[str, Reservation] = {}

    def complete(self, calls: Sequence[Call]) -> dict[str, Completion | EndpointError]:
        """Have all calls answered, waiting for as long as it takes.

        The first new one is asked by itself at the usual price: a wrong key, an unknown model or a parameter that
        the model refuses are told at once, and not tomorrow.

        Returns:
            Id of a call -> its answer, or why it has none. A call that the budget has no room for is not there.

        Raises:
            EndpointError: Nobody can be asked at all, or the endpoint takes no batches.
        """
        answers: dict[str, Completion | EndpointError] = {}
        wanted = {call.id: call for call in calls}
        for file in self._notes.files():
            answers |= {name: answer for name, answer in self._answers(file) if name in wanted}
        new = [call for name, call in wanted.items() if name not in answers]
        if new:
            try:
                answers[new[0].id] = self._ask(new[0])
            except BudgetReachedError:
                return answers
            answer = answers[new[0].id]
            if isinstance(answer, Completion):  # the others may take a day
                self._notes.add_alone(new[0].id, answer)
        files = [self._send(batch) for batch in self._affordable(new[1:])]
        for file in files:
            answers |= dict(self._answers(file))
        return answers

    def cancel(self) -> None:
        """Give up the batches under way; what was answered by then is paid for."""
        for file in self._notes.files():
            sent = self._notes.read(file)
            if sent.id and not self._notes.has_ended(file):
                self._remote.cancel(sent.id)

    def _ask(self, call: Call) -> Completion | EndpointError:
        try:
            return self.endpoint.complete(
                call.messages,
                self._model,
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                schema=call.schema,
            )
        except EndpointError as error:
            if error.fatal:
                raise
            return error

    def _affordable(self, calls: Sequence[Call]) -> Iterator[_Round]:
        """The calls in as many batches as they need, as far as the budget goes."""
        left = self.endpoint.budget.free_usd
        batch = _Round()
        for call in calls:
            most_input = most_prompt_tokens(call.messages, call.schema)
            usd = self._price.cost(most_input, self._max_tokens)
            if usd > max(left - _ROUNDING, 0.0):
                break
            line = self._line(call)
            if batch.lines and (len(batch.lines) == MOST_CALLS or batch.size + len(line) > MOST_BYTES):
                yield batch
                batch = _Round()
            left -= usd
            batch.lines.append(line)
            batch.size += len(line)
            batch.calls[call.id] = most_input
            batch.usd += usd
        if batch.lines:
            yield batch

    def _line(self, call: Call) -> bytes:
        wish = request_of(
            call.messages, self._model, self._temperature, self._max_tokens, call.schema, seed=None
        )
        body = self.endpoint.acceptable(self._model, wish)
        request = {"custom_id": call.id, "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(request, ensure_ascii=False).encode() + b"\n"

    def _send(self, batch: _Round) -> Path:
        """Send a batch; returns the file that it is noted in."""
        input_file = self._remote.upload(b"".join(batch.lines))
        reservation = self.endpoint.budget.reserve(batch.usd)
        sent = Sent(uuid.uuid4().hex, "", batch.calls, (reservation.number, reservation.usd))
        file = self._notes.add(sent)
        self._reserved[sent.token] = reservation
        try:
            name = self._remote.begin(input_file, sent.token)
        except EndpointError as error:
            if not error.maybe_paid:  # otherwise the next attempt looks for it
                self._book(sent, 0.0)
                self._notes.forget(file)
            raise
        self._notes.write(file, replace(sent, id=name))
        most = round(batch.usd, 6)
        self._reporter.event("batch.sent", batch=name, calls=len(batch.calls), most_usd=most)
        return file

    def _answers(self, file: Path) -> Iterator[tuple[str, Completion | EndpointError]]:
        """The answers of a batch that was sent, waited for where they are not there yet, and booked."""
        sent = self._notes.read(file)
        if not self._notes.has_ended(file):
            batch = self._ended(file, sent)
            if batch is None:
                return
            self._notes.keep(file, self._remote.outcome(batch))
        read = {
            name: self._outcome(entry, sent.calls[name])
            for entry in self._notes.entries(file)
            if (name := str(entry.get("custom_id"))) in sent.calls
        }
        self._book(sent, sum(answer.cost_usd for answer in read.values()))
        for name in sent.calls:
            yield name, read.get(name) or _unanswered(self.endpoint)

    def _ended(self, file: Path, sent: Sent) -> Batch | None:
        """Wait until a batch has ended; None where it never came to be, and is forgotten."""
        if not sent.id:
            found = self._remote.find(sent.token)
            if found is None:
                self._book(sent, 0.0)
                self._notes.forget(file)
                return None
            sent = replace(sent, id=found)
            self._notes.write(file, sent)
        pause = self._first_look
        while (batch := self._look(sent.id)) is None or batch.status not in _ENDED:
            self._pause(pause)
            pause = min(pause * 2, _LONGEST_LOOK)
        if batch.status == "failed":
            self._book(sent, 0.0)
            self._notes.forget(file)
            raise self._remote.refused(batch)
        self._reporter.event("batch.ended", batch=batch.id, status=batch.status)
        return batch

    def _look(self, name: str) -> Batch | None:
        batch = self._remote.look(name)
        counts = batch.request_counts if batch is not None else None
        if counts is not None and counts.total:
            self._reporter.progress(counts.completed + counts.failed, counts.total, "answers")
        return batch

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            self._reporter.check()
            self.endpoint.check_stopping()
            time.sleep(min(rest, _CHECK_EVERY))
        self._reporter.check()

    def _outcome(self, entry: Mapping[str, Any], most_input: int) -> Completion | EndpointError:
        if "completion" in entry:
            return Completion(**entry["completion"])
        response = entry.get("response") or {}
        body = response.get("body") or {}
        said = entry.get("error") or body.get("error")
        if not said and response.get("status_code") == 200:
            try:
                return completion_of(body, self._price, most_input, self._max_tokens)
            except (ValueError, KeyError, TypeError, IndexError, AttributeError):
                failure = self.endpoint.where(self._model).unreadable()
                failure.cost_usd = self._price.cost(most_input, self._max_tokens)
                return failure
        said = said or {}
        return _failed(self.endpoint, str(said.get("message") or said.get("code") or ""))

    def _book(self, sent: Sent, usd: float) -> None:
        reservation = self._reserved.pop(sent.token, None)
        if reservation is not None:
            self.endpoint.settle(reservation, usd)
        else:
            self.endpoint.budget.found(sent.reservation[0], usd)


def _failed(endpoint: Endpoint, said: str) -> EndpointError:
    return EndpointError(
        "endpoint.batch_call",
        "The endpoint '{name}' did not answer in the batch: {reason}.",
        name=endpoint.name,
        reason=said.rstrip(".") or Words("it does not say why"),
    )


def _unanswered(endpoint: Endpoint) -> EndpointError:
    return EndpointError(
        "endpoint.batch_unanswered",
        "The batch ended before the endpoint '{name}' had answered this.",
        fix="Run the same command again later.",
        name=endpoint.name,
    )
