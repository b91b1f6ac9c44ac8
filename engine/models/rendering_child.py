"""The program that renders chat templates in a process of its own, which may end without harm to anybody.

A chat template is a program by strangers. Jinja's sandbox keeps it from files and from Python's insides, not from
working for ever or filling the memory; the operating system does that here. What a template may use is what
transformers offers one, so that it renders the same. Imports nothing of the engine: it is started by its path.

It reads requests from stdin and answers on stdout, each behind its length in four bytes. A request is a marshalled
``(number, text, asked)``: the template's number, its text where the number is new, and each rendering's variables.
An answer is one byte for the outcome and then the texts, each behind its length, or the complaint. A lone byte says
first that the program is ready.
"""

from __future__ import annotations

import json
import marshal
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

#: Outcomes, the first byte of an answer.
DONE: Final = b"d"
FAILED: Final = b"f"
SYNTAX: Final = b"s"
MEMORY: Final = b"m"
FORBIDDEN: Final = b"x"

LENGTH: Final = struct.Struct("<I")

#: Memory that one rendering may need beside what the program has at its start, in bytes.
_MEMORY: Final = 160 << 20
#: Seconds of computing, the system's for it included, that one rendering may take, and a template's compilation.
_SECONDS: Final = 0.7
#: Longest text that is answered, in bytes; a conversation of this size fits no model.
_LONGEST: Final = 32 << 20


class _Generation(Extension):
    """``{% generation %}``, which marks answers for other programs and changes no text."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller: Any) -> Any:
        return caller()


class _Dict:
    """``dict`` without its class, which leads further into Python."""

    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict(*args, **values)

    def fromkeys(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **values)


class _Namespace(Namespace):
    """``namespace`` without names that begin with an underscore."""

    def __init__(*args: Any, **values: Any) -> None:
        # All positional, so that a template may store something as ``self``.
        own, rest = args[0], args[1:]
        stored = dict(*rest, **values)
        for name in stored:
            _require_public(name)
        Namespace.__init__(own, stored)

    def __setitem__(self, name: str, value: Any) -> None:
        _require_public(name)
        super().__setitem__(name, value)


def _require_public(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace cannot hold the name {name!r}")


def environment() -> ImmutableSandboxedEnvironment:
    """What chat templates are written for."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    made.filters["tojson"] = _tojson
    made.globals |= {
        "raise_exception": _raise_exception,
        "strftime_now": _strftime_now,
        "dict": _Dict(),
        "namespace": _Namespace,
    }
    return made


def _tojson(
    x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: Any) -> None:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this program decides when it ends
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sandbox, templates = environment(), {}
    _limit_memory()
    answers.write(DONE)  # ready
    answers.flush()
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        number, text, asked = marshal.loads(requests.read(LENGTH.unpack(head)[0]))
        if text is not None:
            templates[number] = text
        answer = _render(sandbox, templates, number, asked)
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _render(
    sandbox: ImmutableSandboxedEnvironment,
    templates: dict[int, str | Template],
    number: int,
    asked: list[dict[str, Any]],
) -> bytes:
    try:
        template = templates[number]
        if isinstance(template, str):
            with _limited_time():
                template = templates[number] = sandbox.from_string(template)
        texts = []
        for variables in asked:
            with _limited_time():
                texts.append(_encoded(template.render(variables)))
        answer = DONE + b"".join(LENGTH.pack(len(one)) + one for one in texts)
        return answer if len(answer) <= _LONGEST else MEMORY
    except TemplateSyntaxError as error:
        return SYNTAX + _encoded(str(error)[:1000])
    except MemoryError:
        return MEMORY
    except RecursionError:
        return FORBIDDEN + b"it is nested too deeply, or calls itself without end"
    except (SecurityError, OverflowError) as error:
        return FORBIDDEN + _encoded((str(error) or type(error).__name__)[:1000])
    except Exception as error:  # whatever strangers' code makes of values it did not expect
        return FAILED + _encoded((str(error) or type(error).__name__)[:1000])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@contextmanager
def _limited_time() -> Iterator[None]:
    """End this process when the block computes too long: also inside a single call that never returns."""
    if not hasattr(signal, "setitimer"):  # the other side watches the clock there
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # the other side watches the memory there
        return
    sizes = Path("/proc/self/statm")
    if not sizes.exists():
        return
    used = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
