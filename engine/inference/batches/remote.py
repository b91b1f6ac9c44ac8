"""What is asked of an endpoint about batches: to begin one, to find it, how it stands, what came of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import Words
from engine.inference.connection import Connection
from engine.inference.endpoint_failures import EndpointError

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

#: What an endpoint answers that knows no files or no batches.
_NO_SUCH_PATH: Final = frozenset({404, 405, 501})
#: How many of the newest batches are looked through for one whose id was never read.
_NEWEST: Final = 300

T = TypeVar("T")


class RemoteBatches:
    """The batches of an endpoint for one model."""

    def __init__(self, connection: Connection, model: str) -> None:
        self._connection = connection
        self._model = model

    def upload(self, content: bytes) -> str:
        """Send the file of a batch; returns its id.

        Raises:
            EndpointError: It cannot be sent, or the endpoint takes none.
        """
        files = self._connection.client.files
        return self._repeated(lambda: files.create(file=("batch.jsonl", content), purpose="batch").id)

    def begin(self, input_file: str, token: str) -> str:
        """Begin the batch of an uploaded file; returns its id. It is never begun twice.

        Args:
            token: Finds it again where the answer got lost.

        Raises:
            EndpointError: It does not begin; where ``maybe_paid``, it may have, as nobody could say.
        """
        import openai

        attempt = 0
        while True:
            attempt += 1
            try:
                return self._connection.client.batches.create(
                    input_file_id=input_file,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={"bakeoff": token},
                ).id
            except openai.OpenAIError as error:
                failure = self._failure(error)
            if failure.retry:
                found = self._found(token, failure)
                if found is not None:
                    return found
            failure.maybe_paid = False
            self._connection.wait_or_raise(failure, attempt)

    def _found(self, token: str, failure: EndpointError) -> str | None:
        try:
            return self.find(token)
        except EndpointError:
            failure.maybe_paid = True
            raise failure from None

    def find(self, token: str) -> str | None:
        """The id of the batch with this token; None where it never came to be.

        Raises:
            EndpointError: Nobody says.
        """
        batches = self._connection.client.batches
        newest = self._repeated(lambda: list(itertools.islice(batches.list(limit=100), _NEWEST)))
        return next((batch.id for batch in newest if (batch.metadata or {}).get("bakeoff") == token), None)

    def look(self, name: str) -> Batch | None:
        """How a batch stands; None while the endpoint does not answer, which ends nothing.

        Raises:
            EndpointError: Waiting would change nothing.
        """
        import openai

        try:
            return self._connection.client.batches.retrieve(name)
        except openai.OpenAIError as error:
            failure = self._connection.where(self._model).failure(error)
            if not failure.retry:
                raise failure from None
            reporter = self._connection.reporter
            reporter.event("endpoint.retry", endpoint=self._connection.name, reason=failure.message)
            return None

    def outcome(self, batch: Batch) -> bytes:
        """What came of a batch, a line per call: its answers, and the calls that failed.

        Raises:
            EndpointError: It cannot be fetched.
        """
        files = [name for name in (batch.output_file_id, batch.error_file_id) if name]
        return b"\n".join(self._repeated(partial(self._content, name)) for name in files)

    def cancel(self, name: str) -> None:
        """Give a batch up, as well as that is possible; what was answered by then is paid for."""
        import openai

        try:
            self._connection.client.batches.cancel(name)
        except openai.OpenAIError as error:
            failure = self._connection.where(self._model).failure(error)
            self._connection.reporter.event("batch.not_cancelled", batch=name, reason=failure.message)

    def refused(self, batch: Batch) -> EndpointError:
        """Why a batch that failed did."""
        errors = (batch.errors.data if batch.errors else None) or []
        said = "; ".join(str(error.message) for error in errors[:3] if error.message)
        return EndpointError(
            "endpoint.batch_refused",
            "The endpoint '{name}' refused the batch: {reason}.",
            fix="Judge without --batch.",
            fatal=True,
            name=self._connection.name,
            reason=said.rstrip(".") or Words("it does not say why"),
        )

    def _content(self, file: str) -> bytes:
        return self._connection.client.files.content(file).content

    def _repeated(self, do: Callable[[], T]) -> T:
        """Do what may be done twice, again where that helps."""
        import openai

        attempt = 0
        while True:
            attempt += 1
            try:
                return do()
            except openai.OpenAIError as error:
                failure = self._failure(error)
            self._connection.wait_or_raise(failure, attempt)

    def _failure(self, error: openai.OpenAIError) -> EndpointError:
        import openai

        if isinstance(error, openai.APIStatusError) and error.status_code in _NO_SUCH_PATH:
            return EndpointError(
                "endpoint.no_batches",
                "The endpoint '{name}' takes no batches (status {status}).",
                fix="Judge without --batch.",
                fatal=True,
                name=self._connection.name,
                status=error.status_code,
            )
        return self._connection.where(self._model).failure(error)
