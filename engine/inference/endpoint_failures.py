"""How a call to an endpoint fails, in plain sentences, and which failures are worth another attempt."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from engine.errors import BakeoffError, Words

if TYPE_CHECKING:
    import openai

#: How long a part of an endpoint's own message is repeated in ours.
_SHOWN: Final = 300
_QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
#: What endpoints say about a request parameter that they do not take.
_NOT_TAKEN: Final = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not (?:permitted|allowed)|invalid param|cannot both",
    re.I,
)
#: Parameters that a request can do without, or under another name. Where a message names two, as some endpoints want
#: either top p or the temperature, the first one is left out.
_DISPENSABLE: Final = ("response_format", "top_p", "temperature", "seed", "stream_options", "max_tokens")
#: Anything that looks like a key, wherever it came from.
_KEY_LIKE: Final = re.compile(r"\b(?:sk|pk|rk)-[\w*.\-]{6,}|Bearer\s+\S+", re.I)


class EndpointError(BakeoffError):
    """A call to an endpoint failed.

    Attributes:
        fatal: The next call would fail as well (wrong key, no money, no such model, no network).
        retry: Another attempt may succeed.
        retry_after: Seconds that the endpoint asks to wait, None when it does not say.
        maybe_paid: The endpoint may have answered and charged for it.
        unsent: No connection came about.
        refused_parameter: The request parameter that the endpoint does not take.
    """

    title = "The endpoint cannot answer"

    def __init__(
        self,
        code: str,
        text: str,
        *,
        fix: str = "",
        fatal: bool = False,
        retry: bool = False,
        retry_after: float | None = None,
        maybe_paid: bool = False,
        unsent: bool = False,
        refused_parameter: str | None = None,
        **params: Any,
    ) -> None:
        super().__init__(code, text, fix=fix, **params)
        self.fatal = fatal
        self.retry = retry
        self.retry_after = retry_after
        self.maybe_paid = maybe_paid
        self.unsent = unsent
        self.refused_parameter = refused_parameter
        #: USD booked for attempts that brought no answer.
        self.cost_usd = 0.0


class EndpointStoppedError(EndpointError):
    """The call was given up because the work stops."""


@dataclass(frozen=True)
class RetryPolicy:
    """How failed requests are repeated.

    Attributes:
        attempts: Requests per call at most.
        paid_attempts: The same where the endpoint may have charged for the failed ones.
        unsent_attempts: The same where no connection comes about.
        first_wait: Seconds before the second attempt; doubled for each further one, with jitter.
        longest_wait: The most seconds of such a wait.
        longest_asked_wait: The longest Retry-After that is obeyed; a longer one ends the call.
    """

    attempts: int = 6
    paid_attempts: int = 3
    unsent_attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_asked_wait: float = 120.0

    def wait(self, failure: EndpointError, attempt: int) -> float | None:
        """Seconds to wait after failed ``attempt`` (from 1), None when it was the last."""
        limit = self.attempts
        if failure.unsent:
            limit = self.unsent_attempts
        elif failure.maybe_paid:
            limit = self.paid_attempts
        if not failure.retry or attempt >= limit:
            return None
        # Jitter keeps callers that were refused together from coming back together.
        if failure.retry_after is not None:
            return failure.retry_after * random.uniform(1.0, 1.1)
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class Where:
    """Which call failed.

    Attributes:
        endpoint: The endpoint's name.
        place: Its URL, fit to be shown.
        model: The model asked for, empty when none was.
        hide: Takes secrets out of a text.
        longest_asked_wait: See `RetryPolicy`.
    """

    endpoint: str
    place: str
    model: str
    hide: Callable[[str], str]
    longest_asked_wait: float

    def unreadable(self) -> EndpointError:
        """The endpoint answered, but not with a chat completion."""
        return EndpointError(
            "endpoint.unreadable",
            "The endpoint '{name}' answered with something that is no chat completion.",
            fix="Check its URL: {place}",
            retry=True,
            maybe_paid=True,
            name=self.endpoint,
            place=self.place,
        )

    def failure(self, error: openai.OpenAIError) -> EndpointError:
        """The failure behind an error of the client."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return self._status(error)
        if isinstance(error, openai.APIConnectionError):
            return self._connection(error)
        return self._error(
            "endpoint.client", "The request to '{name}' failed: {reason}.", reason=self._said(error)
        )

    def _error(self, code: str, text: str, *, fix: str = "", **rest: Any) -> EndpointError:
        return EndpointError(
            code, text, fix=fix, name=self.endpoint, place=self.place, model=self.model, **rest
        )

    def _said(self, error: Exception) -> str:
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, Mapping) else None
        text = message if isinstance(message, str) else str(getattr(error, "message", error))
        return " ".join(self.hide(text).split())[:_SHOWN].rstrip(".")

    def _status(self, error: openai.APIStatusError) -> EndpointError:
        status, said = error.status_code, self._said(error)
        if status == 401:
            return self._error(
                "endpoint.key",
                "The endpoint '{name}' does not accept the API key.",
                fix="Check the key in the environment, or store it again with: bakeoff key set {name}",
                fatal=True,
            )
        if status == 403:
            return self._error(
                "endpoint.forbidden", "The endpoint '{name}' refuses: {reason}.", fatal=True, reason=said
            )
        if status == 402 or _is_quota(error):
            return self._error(
                "endpoint.quota",
                "The account at '{name}' has no credit left: {reason}.",
                fix="Add credit there, then run the same command again; nothing paid for is asked twice.",
                fatal=True,
                reason=said,
            )
        if status == 404:
            return self._error(
                "endpoint.model",
                "The endpoint '{name}' at {place} has no model '{model}' (404)."
                if self.model
                else "There is no OpenAI-compatible endpoint at {place} (404).",
                fix="See what it offers with: bakeoff endpoint test {name}",
                fatal=True,
            )
        if status == 429:
            return self._rate_limit(error, said)
        if status in (408, 409, 425) or status >= 500:
            return self._error(
                "endpoint.fault",
                "The endpoint '{name}' failed with status {status}: {reason}.",
                fix="Run the same command again later.",
                retry=True,
                retry_after=self._asked_wait(error),
                status=status,
                reason=said,
            )
        return self._error(
            "endpoint.refused",
            "The endpoint '{name}' refused the request (status {status}): {reason}.",
            refused_parameter=_refused_parameter(error, said),
            status=status,
            reason=said,
        )

    def _rate_limit(self, error: openai.APIStatusError, said: str) -> EndpointError:
        asked = _retry_after(error.response.headers)
        too_long = asked is not None and asked > self.longest_asked_wait
        return self._error(
            "endpoint.rate_limit",
            "The endpoint '{name}' asks to wait {wait} before the next request: {reason}.",
            fix="Run the same command again later.",
            fatal=too_long,
            retry=not too_long,
            retry_after=asked,
            wait=Words("a while") if asked is None else f"{asked:g} s",
            reason=said,
        )

    def _asked_wait(self, error: openai.APIStatusError) -> float | None:
        asked = _retry_after(error.response.headers)
        return None if asked is None else min(asked, self.longest_asked_wait)

    def _connection(self, error: openai.APIConnectionError) -> EndpointError:
        import httpx2

        cause = error.__cause__
        never_sent = httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError | httpx2.PoolTimeout
        if isinstance(cause, never_sent | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            return self._error(
                "endpoint.unreachable",
                "The endpoint '{name}' at {place} cannot be reached: {reason}.",
                fix="Check the network and the URL, then run the same command again.",
                fatal=True,
                retry=isinstance(cause, never_sent),
                unsent=True,
                reason=self.hide(str(cause) or type(cause).__name__)[:_SHOWN].rstrip("."),
            )
        slow = isinstance(cause, httpx2.TimeoutException)
        return self._error(
            "endpoint.slow" if slow else "endpoint.broken",
            "The endpoint '{name}' did not answer in time."
            if slow
            else "The connection to '{name}' broke off.",
            fix="Run the same command again later.",
            retry=True,
            maybe_paid=True,
        )


def hide_secrets(text: str, key: str | None) -> str:
    """``text`` without the key and without anything that looks like one."""
    if key:
        text = text.replace(key, "***")
    return _KEY_LIKE.sub("***", text)


def _is_quota(error: openai.APIStatusError) -> bool:
    return error.status_code == 429 and bool({error.code, error.type} & _QUOTA_CODES)


def _refused_parameter(error: openai.APIStatusError, said: str) -> str | None:
    """The parameter that a 4xx is about, if a request can do without it."""
    if _NOT_TAKEN.search(said) is None:
        return None
    named = str(error.param or "").split(".")[0]
    if named in _DISPENSABLE:
        return named
    return next((name for name in _DISPENSABLE if name in said), None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from ``retry-after-ms`` or ``Retry-After`` (a number, or a date)."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
