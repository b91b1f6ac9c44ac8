"""Chat templates of strangers: honest ones render byte for byte as with transformers, hostile ones harm nobody."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from gguf import GGUFReader

from engine.models.errors import ModelError, TemplateError
from engine.models.rendering import Renderer
from engine.models.source import demo_source
from engine.models.template import ChatTemplate
from engine.models.tokenizer import load_tokenizer
from engine.models.usable import require_usable
from engine.progress import SilentReporter
from engine.resources import resource
from tests.engine.models.test_template import CLOSED, PHI, TOOL_TEMPLATE, TURNS
from tests.tiny import CHAT_TEMPLATE, tiny_model

CALL = {"id": "call00001", "type": "function", "function": {"name": "look", "arguments": {"city": "Bern"}}}
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object"}, "description": None},
}
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "plain": [{"role": "user", "content": "Grüße 𝄞 \ud800 <b>&amp;\n\n  x"}],
    "turns": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two.", "name": None, "weight": 0.5},
        {"role": "user", "content": "{{ 7 * 7 }} {% raw %}"},
    ],
    "thoughts": [
        {"role": "user", "content": "Think."},
        {"role": "assistant", "content": "Done.", "reasoning": "First, then."},
    ],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "Look."}, {"type": "image"}]}],
    "tools": [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "Sunny", "tool_call_id": "call00001"},
    ],
}
#: What honest templates do, in one place.
EVERYTHING = """
{%- set ns = namespace(found=false, text='', self=1) %}
{%- macro show(message, depth=0) %}
    {{- '<' ~ message.role ~ '>' ~ (message.content if message.content is string else message.content | tojson) }}
{%- endmacro %}
{% if tools %}
  # Tools
  {% for tool in tools %}
{{ tool | tojson(indent=2) }}
  {% endfor %}
{% endif %}
{% for message in messages if message.role != 'system' %}
    {% if loop.index0 > 7 %}{% break %}{% elif message.role == 'tool' %}{% continue %}{% endif %}
    {% set ns.found = true %}
    {% set ns.text = ns.text + show(message) %}
    {{- bos_token if loop.first else '' }}{{ show(message, depth=1) | trim }}
    {% generation %}{{ message.thinking or message['reasoning_content'] or '-' }}{% endgeneration %}
    {{ message.items() | list | length }} {{ dict(a=1, **{'b': 2}) }} {{ message.content is mapping }}
    {{ (message.role.upper() + ':').split(':') | first | lower | replace('u', 'ü') }} {{ '%s-%03d' % ('x', 7) }}
    {{ message.tool_calls | default([]) | map(attribute='function.name') | join(',') }}
    {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ range(3) | list }} {{ 7 // 2 ** 2 }}
{% endfor %}
{{ ns.text }}{{ ns.found }}{{ eos_token }}{{ nothing is defined }}{{ messages[::-1][0].role }}
{% if add_generation_prompt %}<go>{% endif %}
"""
HONEST = {
    "tiny": CHAT_TEMPLATE,
    "plain.jinja": resource("templates", "plain.jinja").read_text(encoding="utf-8"),
    "phi": PHI,
    "thinks": TURNS.replace("KEEPS", "true").replace("PROMPT", CLOSED),
    "tool": TOOL_TEMPLATE % "call.function.arguments | tojson",
    "everything": EVERYTHING,
    "refuses": "{{ raise_exception('Roles must alternate') }}",
    "breaks": "{% for message in messages %}{{ message.content + 1 }}{% endfor %}",
    "unclosed": "{% for message in messages %}",
    "private": "{% set ns = namespace(_x=1) %}",
    "escape": "{{ ''.__class__.__mro__ }}",
    "changes": "{{ messages.append(1) }}",
    "dated": "{{ strftime_now('%Y') }}",
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(tiny_model(tmp_path_factory.mktemp("tiny") / "model"))


def by_transformers(tokenizer: Any, text: str, messages: Any, tools: Any, *, opening: bool) -> str | None:
    try:
        return str(
            tokenizer.apply_chat_template(
                messages, tools=tools, chat_template=text, tokenize=False, add_generation_prompt=opening
            )
        )
    except Exception:  # whatever it is, ours fails as well
        return None


def by_us(tokenizer: Any, text: str, messages: Any, tools: Any, *, opening: bool) -> str | None:
    try:
        return ChatTemplate(tokenizer, text, system_in_user=False)._rendered([(messages, tools, opening)])[0]
    except TemplateError:
        return None


@pytest.mark.parametrize("name", HONEST)
def test_honest_templates_render_as_with_transformers(tokenizer: Any, name: str) -> None:
    rendered = 0
    for messages in CONVERSATIONS.values():
        for tools in (None, [TOOL]):
            for opening in (False, True):
                expected = by_transformers(tokenizer, HONEST[name], messages, tools, opening=opening)
                assert by_us(tokenizer, HONEST[name], messages, tools, opening=opening) == expected
                rendered += expected is not None
    assert (rendered > 0) == (name not in {"refuses", "breaks", "unclosed", "private", "escape", "changes"})


def test_smollm2_renders_as_with_transformers(tokenizer: Any) -> None:
    field = GGUFReader(demo_source().where).get_field("tokenizer.chat_template")
    assert field is not None
    text = field.contents()
    assert "<|im_start|>" in text
    for messages in CONVERSATIONS.values():
        for opening in (False, True):
            expected = by_transformers(tokenizer, text, messages, None, opening=opening)
            assert by_us(tokenizer, text, messages, None, opening=opening) == expected


DOUBLED = "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 40
NESTED = "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40
HOSTILE = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops that write": "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxx{% endfor %}{% endfor %}",
    "times": "{{ 'a' * 10**10 }}",
    "times at run time": "{{ messages[0].role * 10**10 }}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "list": "{{ ([0] * 10**10) | length }}",
    "doubling": DOUBLED + "{{ x }}",
    "nested data": NESTED + "{{ x }}",
    "nested data as JSON": NESTED + "{{ x | tojson }}",
    "nested data compared": NESTED + NESTED.replace("x", "y") + "{{ x == y }}",
    "macros that call twice": "{% macro m0() %}{% endmacro %}"
    + "".join(
        f"{{% macro m{n}() %}}{{{{ m{n - 1}() }}}}{{{{ m{n - 1}() }}}}{{% endmacro %}}" for n in range(1, 40)
    )
    + "{{ m39() }}",
    "endless macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "format": "{{ '{:>9999999999}'.format('x') }}",
    "percent": "{{ '%9999999999d' % 1 }}",
    "center": "{{ 'x' | center(9999999999) }}",
    "ljust": "{{ 'x'.ljust(9999999999) }}",
    "indent": "{{ [1] | tojson(indent=9999999999) }}",
    "replace": "{{ ('a' * 9999).replace('a', 'a' * 9999).replace('a', 'a' * 9999) }}",
    "join": "{{ ('x' * 99999) | join('y' * 99999) }}",
    "batch": "{{ [1] | batch(9999999999, 0) | list | length }}",
    "slice": "{{ [1] | slice(9999999999) | list | length }}",
    "bytes": "{{ (5).to_bytes(9999999999, 'big') | length }}",
    "lipsum": "{{ lipsum(n=999999999) }}",
    "round": "{{ 1.5 | round(999999999, 'floor') }}",
    "parentheses": "{{ " + "(" * 90_000 + "1" + ")" * 90_000 + " }}",
    "minus signs": "{{ " + "- " * 90_000 + "1 }}",
    "blocks": "{% if 1 %}" * 9_000 + "{% endif %}" * 9_000,
    "long": "x" * 3_000_000,
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ namespace.__init__.__globals__ }}",
    "format to class": "{{ '{0.__class__.__mro__}'.format(raise_exception) }}",
    "hash": "{{ messages | groupby('role') | list * 10**9 }}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_in_an_error_without_harm(name: str) -> None:
    renderer = Renderer()
    variables = {"messages": [{"role": "user", "content": "x"}], "tools": None, "add_generation_prompt": True}
    try:
        renderer.render("ready", variables)
        here = psutil.Process()
        before = here.memory_info().rss
        most, ended = 0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not ended.is_set():
                for child in here.children():
                    try:
                        most = max(most, child.memory_info().rss)
                    except psutil.Error:
                        continue
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        computed, started = time.process_time(), time.monotonic()
        with pytest.raises(TemplateError) as caught:
            renderer.render(HOSTILE[name], variables)
        computed, took = time.process_time() - computed, time.monotonic() - started
        print(f"{name}: {took:.2f} s, {most >> 20} MB, {caught.value.code}")
        ended.set()
        watcher.join()
        assert caught.value.code.startswith("template.")
        assert len(caught.value.message) < 400
        assert most < 200 << 20
        assert here.memory_info().rss - before < 20 << 20
        # The child has 0.7 seconds of computing, which takes longer where others compute too.
        assert took < 10.0
        assert computed < 1.0
        # The next, honest one is served.
        assert renderer.render("{{ messages[0].content }}", variables) == "x"
    finally:
        renderer.close()


def test_a_template_that_was_ended_thrice_is_not_tried_again() -> None:
    renderer = Renderer()
    try:
        for _ in range(3):
            with pytest.raises(TemplateError, match="takes too long"):
                renderer.render(HOSTILE["loops"], {})
        started = time.monotonic()
        for _ in range(1000):
            with pytest.raises(TemplateError, match="takes too long"):
                renderer.render(HOSTILE["loops"], {})
        assert time.monotonic() - started < 0.5
    finally:
        renderer.close()


def test_such_a_model_is_refused_when_it_is_added(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny", chat_template=HOSTILE["doubling"])
    with pytest.raises(ModelError, match="needs too much memory") as caught:
        require_usable(folder, SilentReporter())
    assert caught.value.code == "model.bad_template"


@pytest.mark.parametrize("name", ["class", "globals", "endless macro", "range"])
def test_what_the_sandbox_forbids_is_refused_when_it_is_added(tmp_path: Path, name: str) -> None:
    text = HOSTILE.get(name) or "{% for i in range(10**9) %}{% endfor %}"
    folder = tiny_model(tmp_path / "tiny", chat_template=text)
    with pytest.raises(ModelError, match="does what no chat template may") as caught:
        require_usable(folder, SilentReporter())
    assert caught.value.code == "model.bad_template"


@pytest.mark.parametrize("name", ["loops", "doubling"])
def test_where_the_system_sets_no_limits_this_process_watches(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "loops":
        monkeypatch.setattr("engine.models.rendering._CLOCK", 0.3)
    renderer = Renderer(watched=True)
    try:
        with pytest.raises(TemplateError) as caught:
            renderer.render(HOSTILE[name], {})
        assert caught.value.code == ("template.too_slow" if name == "loops" else "template.too_large")
        assert renderer.render("x", {}) == "x"
    finally:
        renderer.close()


def test_a_conversation_nested_without_end_is_refused_and_harms_no_other() -> None:
    renderer, endless = Renderer(), list[Any]()
    for _ in range(100_000):
        endless = [endless]
    try:
        with pytest.raises(TemplateError, match="cannot be given this conversation"):
            renderer.render("{{ x }}", {"x": endless})
        assert renderer.render("{{ x }}", {"x": Path("a") / "b"}) == str(Path("a") / "b")
    finally:
        renderer.close()


def test_a_child_that_was_killed_is_replaced() -> None:
    renderer = Renderer()
    try:
        assert renderer.render("x", {}) == "x"
        for child in psutil.Process().children():
            if any(word.endswith("rendering_child.py") for word in child.cmdline()):
                child.send_signal(signal.SIGKILL)
                child.wait(10)
        assert renderer.render("x", {}) == "x"
    finally:
        renderer.close()


def test_many_examples_are_rendered_as_one_by_one_and_the_bad_ones_are_told(tokenizer: Any) -> None:
    strict = "{% if 'no' in messages[0].content %}{{ raise_exception('No.') }}{% endif %}" + CHAT_TEMPLATE
    template = ChatTemplate(tokenizer, strict, system_in_user=False)
    examples = [
        [
            {"role": "user", "content": f"{'no' if place in (3, 70) else 'yes'} {place}"},
            {"role": "assistant", "content": f"Said {place}."},
        ]
        for place in range(100)
    ]
    many = list(template.render_many((messages, None) for messages in examples))
    assert [place for place, one in enumerate(many) if isinstance(one, TemplateError)] == [3, 70]
    for place, one in enumerate(many):
        if not isinstance(one, TemplateError):
            assert one == template.render(examples[place])
    empty = list(template.render_many([([{"role": "assistant", "content": "x"}], None)]))
    assert [str(type(one).__name__) for one in empty] == ["TemplateError"]


def test_several_threads_get_their_own_texts() -> None:
    renderer, wrong = Renderer(), []

    def ask(own: int) -> None:
        for place in range(200):
            said = renderer.render("{{ own }}-{{ place }}", {"own": own, "place": place})
            if said != f"{own}-{place}":
                wrong.append(said)

    try:
        threads = [threading.Thread(target=ask, args=(own,)) for own in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
    finally:
        renderer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks")
def test_a_fork_has_a_child_of_its_own() -> None:
    renderer = Renderer()
    try:
        assert renderer.render("x", {}) == "x"
        fork = os.fork()
        if fork == 0:
            said = renderer.render("{{ who }}", {"who": "fork"})
            os._exit(0 if said == "fork" else 1)
        assert renderer.render("{{ who }}", {"who": "parent"}) == "parent"
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    finally:
        renderer.close()
