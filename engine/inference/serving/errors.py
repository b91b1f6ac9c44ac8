"""How a request fails: a status of HTTP, and OpenAI's shape of an error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from engine.errors import BakeoffError

#: Failures of an answer that the request is to blame for: OpenAI's code, and the parameter at fault.
_TO_BLAME: Final[dict[str, tuple[str, str]]] = {
    "answers.context_full": ("context_length_exceeded", "messages"),
    "answers.no_prompt": ("invalid_value", "messages"),
    "template.fails": ("invalid_value", "messages"),
    "answers.schema": ("invalid_json_schema", "response_format"),
    "answers.grammar_size": ("invalid_json_schema", "response_format"),
    "answers.grammar": ("invalid_json_schema", "response_format"),
    "answers.grammar_stuck": ("invalid_json_schema", "response_format"),
}
_TYPES: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


class RequestError(BakeoffError):
    """A request that is refused.

    Args:
        status: Of HTTP.
        code: OpenAI's, for programs.
        text: One sentence, as a template over ``params``.
        param: The parameter at fault, if one is.
    """

    title = "The request is refused"

    def __init__(
        self, status: HTTPStatus, code: str, text: str, *, param: str | None = None, **params: Any
    ) -> None:
        super().__init__(f"serve.{code}", text, **params)
        self.status = status
        self.param = param
        self.openai_code = code


class ServerError(BakeoffError):
    """The server cannot start as asked."""

    title = "The models cannot be served"


def status_of(error: BakeoffError) -> HTTPStatus:
    """The status that tells ``error``."""
    if isinstance(error, RequestError):
        return error.status
    return HTTPStatus.BAD_REQUEST if error.code in _TO_BLAME else HTTPStatus.INTERNAL_SERVER_ERROR


def error_document(error: BakeoffError) -> dict[str, Any]:
    """``error`` in OpenAI's shape."""
    status = status_of(error)
    param: str | None = None
    if isinstance(error, RequestError):
        code, param = error.openai_code, error.param
    else:
        code, param = _TO_BLAME.get(error.code, (error.code, None))
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    return {"error": {"message": error.sentence(), "type": kind, "param": param, "code": code}}
