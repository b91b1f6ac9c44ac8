"""The endpoint as programs meet it: the real openai client, real sockets, a tiny random model."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from engine.errors import BakeoffError
from engine.inference.errors import AnsweringError
from engine.inference.llama.replies import Reply, Talker
from engine.inference.serving.errors import ServerError
from engine.inference.serving.handler import HOST
from engine.inference.serving.models import Offer
from engine.inference.serving.server import ModelServer, new_key
from engine.models.template import load_template
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import CONTEXT, tiny_gguf

ASKED: Any = [{"role": "user", "content": "What is this?"}]
GREEDY: Any = {"model": "tiny", "messages": ASKED, "temperature": 0, "max_tokens": 12}


class Heard(SilentReporter):
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, type: str, /, **data: Any) -> None:
        self.events.append((type, data))


class Breaking:
    """A model that can be told to fail as one whose process died."""

    broken = False
    loaded = 0
    alive = True

    def __init__(self, talker: Talker) -> None:
        self._talker = talker
        Breaking.loaded += 1

    def reply(self, *words: Any, **options: Any) -> Iterator[str | Reply]:
        if Breaking.broken:
            Breaking.broken = False
            raise AnsweringError("answers.crashed", "The model's process ended.", fix="Ask again.")
        return self._talker.reply(*words, **options)

    def close(self) -> None:
        self._talker.close()


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Talker]:
    folder, file = tiny_gguf(tmp_path_factory.mktemp("model"))
    template = load_template(folder, SilentReporter())
    return lambda: Talker(file, template, threads=1)


@pytest.fixture(scope="module")
def server(load: Callable[[], Talker]) -> Iterator[ModelServer]:
    offers = [
        Offer("tiny", "f32-abc", False, load),
        Offer("other@q8_0", "q8_0-def", True, load),
        Offer("breaking", "f32-xyz", False, lambda: Breaking(load())),
    ]
    with ModelServer(offers, new_key(), Heard()) as server:
        yield server


@pytest.fixture
def client(server: ModelServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0, timeout=60) as client:
        yield client


def raw(
    server: ModelServer,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    body: bytes | None = None,
    **headers: str | None,
) -> tuple[int, dict[str, Any]]:
    """One request without a client's help; a header that is None is left out."""
    sent = {"Authorization": f"Bearer {server.key}", "Host": f"{HOST}:{server.port}", **headers}
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        if body is not None and "Content_Length" not in sent:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_an_answer_has_everything_that_the_client_knows(server: ModelServer, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**GREEDY)
    assert answer.model == "tiny"
    assert answer.system_fingerprint == "f32-abc"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"stop", "length"}
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    again = client.chat.completions.create(**GREEDY)
    assert again.choices[0].message.content == answer.choices[0].message.content
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    assert again.usage.prompt_tokens_details.cached_tokens == again.usage.prompt_tokens - 1
    assert again.id != answer.id
    heard: Any = server.reporter
    assert heard.events[-1][0] == "serve.answered"
    assert "What is this?" not in str(heard.events)
    assert server.key not in str(heard.events)


def test_a_stream_makes_the_same_text_and_ends_with_the_counts(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**GREEDY)
    chunks = list(
        client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 4
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in {"stop", "length"}
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1
    plain = list(client.chat.completions.create(**GREEDY, stream=True))
    assert all(chunk.choices for chunk in plain)


def test_a_stream_ends_with_done(server: ModelServer) -> None:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    body = json.dumps({**GREEDY, "stream": True})
    connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {server.key}"})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    lines = answer.read().decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {server.key}"})
    assert connection.getresponse().status == 200, "the connection serves on"
    connection.close()


def test_models_are_listed_and_shown(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "other@q8_0", "breaking"]
    assert client.models.retrieve("other@q8_0").id == "other@q8_0"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gone")
    assert missing.value.code == "model_not_found"


def test_answers_are_held_to_a_schema(client: openai.OpenAI) -> None:
    schema: Any = {
        "type": "json_schema",
        "json_schema": {
            "name": "mood",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"mood": {"enum": ["good", "bad"]}},
                "required": ["mood"],
                "additionalProperties": False,
            },
        },
    }
    request = {**GREEDY, "max_tokens": 100}
    answer = client.chat.completions.create(**request, response_format=schema)
    assert json.loads(answer.choices[0].message.content or "")["mood"] in {"good", "bad"}
    free = client.chat.completions.create(**GREEDY, response_format={"type": "json_object"})
    assert (free.choices[0].message.content or "").startswith("{")


def test_stops_seeds_and_more_than_openai_has(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**GREEDY).choices[0].message.content or ""
    stopped = client.chat.completions.create(**GREEDY, stop=whole[3:5])
    assert stopped.choices[0].message.content == whole[: whole.index(whole[3:5])]
    assert stopped.choices[0].finish_reason == "stop"

    def drawn(seed: int) -> str | None:
        request = {**GREEDY, "temperature": 1.5, "top_p": 1.0, "max_tokens": 30}
        more = {"top_k": 0, "min_p": 0, "repeat_penalty": 1.1}
        return (
            client.chat.completions.create(**request, seed=seed, extra_body=more).choices[0].message.content
        )

    assert drawn(-5) == drawn(-5) != drawn(6)
    # llama.cpp takes one of its numbers for the wish to be surprised.
    assert drawn(-1) == drawn(-1)
    assert drawn(2**32 - 1) == drawn(2**32 - 1)


def test_conversations_with_systems_parts_and_tools(client: openai.OpenAI) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
    messages: Any = [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Look "}, {"type": "text", "text": "at it."}]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "A stone."},
    ]
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    assert client.chat.completions.create(**{**GREEDY, "messages": messages[:2]}).choices
    with pytest.raises(openai.BadRequestError, match="shows no tools") as refused:
        client.chat.completions.create(**GREEDY, tools=[tool])
    assert refused.value.param == "tools"
    told = {**GREEDY, "model": "other@q8_0", "messages": messages}
    assert client.chat.completions.create(**told, tools=[tool]).choices


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_type"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hello"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [5]}, "messages", "invalid_value"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages", "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages", "invalid_value"),
        ({"temperature": -1}, "temperature", "invalid_value"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"top_p": 0}, "top_p", "invalid_value"),
        ({"top_k": 1.5}, "top_k", "invalid_type"),
        ({"top_k": 2**31}, "top_k", "invalid_value"),
        ({"seed": 1.5}, "seed", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens", "invalid_type"),
        ({"stop": 5}, "stop", "invalid_type"),
        ({"stop": [""]}, "stop", "invalid_value"),
        ({"n": 2}, "n", "unsupported_value"),
        ({"n": True}, "n", "unsupported_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"logprobs": True}, "logprobs", "unsupported_value"),
        ({"tool_choice": "required"}, "tool_choice", "unsupported_value"),
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": [{}]}, "tools", "invalid_value"),
        ({"wishes": 3}, "wishes", "unknown_parameter"),
        ({"response_format": "json"}, "response_format", "invalid_value"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema.schema",
            "invalid_value",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"$ref": "https://example.com/c"}},
                }
            },
            "response_format",
            "invalid_json_schema",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "string", "maxLength": 10**9}},
                }
            },
            "response_format",
            "invalid_json_schema",
        ),
        *(
            (
                {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
                "response_format",
                "invalid_json_schema",
            )
            for schema in (
                {"type": "string", "pattern": "^[a-z]{0,20000}$"},
                {"type": "string", "maxLength": 1001},
                {"type": "array", "uniqueItems": True},
                {"type": "object", "properties": {}, "required": ["name"]},
            )
        ),
        (
            {"messages": [{"role": "user", "content": "y" * CONTEXT}]},
            "messages",
            "context_length_exceeded",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_cannot_be_done_is_a_bad_request(
    server: ModelServer, change: dict[str, Any], param: str, code: str, stream: bool
) -> None:
    wanted = {**GREEDY, "stream": stream} if "stream_options" not in change else GREEDY
    status, document = raw(server, body=json.dumps({**wanted, **change}).encode())
    assert status == 400
    assert document["error"]["param"] == param
    assert document["error"]["code"] == code
    assert document["error"]["type"] == "invalid_request_error"
    assert document["error"]["message"].rstrip().endswith(".")


def test_neutral_values_and_notes_are_taken(client: openai.OpenAI) -> None:
    assert client.chat.completions.create(
        **GREEDY, n=1, frequency_penalty=0, logprobs=False, user="me", tool_choice="auto", logit_bias={}
    ).choices


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN', b'{"a": "\\ud800"}']
)
def test_a_body_that_is_no_json_object(server: ModelServer, body: bytes) -> None:
    status, document = raw(server, body=body)
    assert status == 400
    assert document["error"]["code"] == "invalid_json"


def test_the_key_is_needed_everywhere(server: ModelServer) -> None:
    with openai.OpenAI(base_url=server.base_url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        with pytest.raises(openai.AuthenticationError) as refused:
            client.chat.completions.create(**GREEDY)
    assert refused.value.code == "invalid_api_key"
    assert server.key not in str(refused.value)
    for path in ("/v1/models", "/v1/other", "/"):
        assert raw(server, "GET", path, Authorization=None)[0] == 401
    assert raw(server, "GET", "/v1/models", Authorization=server.key)[0] == 401
    assert raw(server, "GET", "/v1/models", Authorization="Bearer schlüssel")[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", None])
def test_a_foreign_host_is_refused(server: ModelServer, host: str | None) -> None:
    shown = host.format(port=server.port) if host else None
    status, document = raw(server, "GET", "/v1/models", Host=shown)
    assert (status, document["error"]["code"]) == (403, "foreign_host")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_web_pages_are_refused(server: ModelServer, origin: str) -> None:
    status, document = raw(server, "GET", "/v1/models", Origin=origin)
    assert (status, document["error"]["code"]) == (403, "browser")
    assert raw(server, "OPTIONS", Origin=origin, Authorization=None)[0] == 403


def test_localhost_is_this_machine(server: ModelServer) -> None:
    assert raw(server, "GET", "/v1/models", Host=f"LOCALHOST:{server.port}")[0] == 200


def test_it_listens_on_nothing_but_loopback(server: ModelServer) -> None:
    import psutil

    listening = [
        connection.laddr.ip
        for connection in psutil.Process().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == server.port
    ]
    assert listening == ["127.0.0.1"]


def test_wrong_addresses_methods_and_lengths(server: ModelServer) -> None:
    assert raw(server, "GET", "/v1/embeddings")[0] == 404
    assert raw(server, "GET")[0] == 405
    assert raw(server, "POST", "/v1/models", body=b"{}")[0] == 405
    assert raw(server)[0] == 411
    assert raw(server, Content_Length="-1", body=b"")[0] == 411
    status, document = raw(server, Content_Length=str(10**15), body=b"x" * 100_000)
    assert (status, document["error"]["code"]) == (413, "body_too_large")
    assert raw(server, "BREW")[0] == 501


def test_what_is_no_http_at_all_harms_nobody(server: ModelServer) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n", b""):
        with socket.create_connection((HOST, server.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert raw(server, "GET", "/v1/models")[0] == 200


def test_answers_of_one_model_come_one_by_one_in_order(server: ModelServer, client: openai.OpenAI) -> None:
    ended: list[int] = []

    def ask(number: int) -> None:
        client.chat.completions.create(**{**GREEDY, "max_tokens": 60})
        ended.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.4)  # a busy machine takes so long to hand a question over
    for thread in threads:
        thread.join(60)
    assert ended == [0, 1, 2, 3]


def test_who_disconnects_is_answered_no_further(server: ModelServer, client: openai.OpenAI) -> None:
    heard: Any = server.reporter
    before = len(heard.events)
    asked = {**GREEDY, "max_tokens": None, "messages": [{"role": "user", "content": "Go on."}]}
    with client.chat.completions.create(**asked, stream=True) as stream:
        next(iter(stream))
    answer = client.chat.completions.create(**GREEDY)
    assert answer.choices
    assert [name for name, _ in heard.events[before:]] == ["serve.answered"], (
        "only the one that was waited for"
    )


def test_a_model_that_fails_is_loaded_anew(client: openai.OpenAI) -> None:
    asked = {**GREEDY, "model": "breaking"}
    client.chat.completions.create(**asked)
    loaded = Breaking.loaded
    Breaking.broken = True
    with pytest.raises(openai.InternalServerError, match="process ended") as failed:
        client.chat.completions.create(**asked)
    assert failed.value.code == "answers.crashed"
    assert client.chat.completions.create(**asked).choices
    assert Breaking.loaded == loaded + 1


def test_the_client_does_not_by_itself_ask_again_what_crashed() -> None:
    loaded = []

    def fail() -> Talker:
        loaded.append(True)
        raise AnsweringError("answers.crashed", "The model's process ended.")

    with (
        ModelServer([Offer("tiny", "", False, fail)], new_key(), Heard()) as server,
        openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=2) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.chat.completions.create(**GREEDY)
    assert len(loaded) == 1


def test_a_model_that_cannot_be_loaded_is_told() -> None:
    def fail() -> Talker:
        raise AnsweringError("answers.not_loadable", "llama.cpp cannot load it.")

    with (
        ModelServer([Offer("tiny", "", False, fail)], new_key(), Heard()) as server,
        openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError, match="cannot load"):
            client.chat.completions.create(**GREEDY)
        with pytest.raises(openai.InternalServerError, match="cannot load"):
            list(client.chat.completions.create(**GREEDY, stream=True))


def test_it_ends_while_it_answers(load: Callable[[], Talker]) -> None:
    server = ModelServer([Offer("tiny", "", False, load)], new_key(), Heard())
    found: list[BaseException] = []

    def ask() -> None:
        try:
            with openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as client:
                for _ in range(1000):
                    client.chat.completions.create(**{**GREEDY, "max_tokens": 200})
        except openai.APIError as error:
            found.append(error)

    with server:
        raw(server, "GET", "/v1/models")  # a connection that idles harms nobody
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)
        started = time.monotonic()
    assert time.monotonic() - started < 3
    thread.join(10)
    assert len(found) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "serve" and thread.daemon]


def test_a_port_that_is_taken_is_told(server: ModelServer) -> None:
    with pytest.raises(ServerError, match=str(server.port)) as refused:
        ModelServer([], new_key(), Heard(), port=server.port)
    assert isinstance(refused.value, BakeoffError)
