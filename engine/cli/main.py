"""Entry of the ``bakeoff`` command: options that every command has, and how every command ends.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted with nothing lost.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from engine import __version__
from engine.cli.session import Session
from engine.errors import BakeoffError, UsageError, reason_of
from engine.refusals import place_of, why_refused

#: Modules that add commands, in the order of the help.
_COMMANDS: Final = (
    "datasets",
    "models",
    "train",
    "merge",
    "export",
    "release",
    "generate",
    "chat",
    "judge",
    "vote",
    "rank",
    "study",
    "endpoints",
    "settings",
    "serve",
    "jobs",
    "workspace",
    "app",
    "doctor",
    "demo",
)


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage as an error that can also become JSON; takes no shortened options."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting (see `main`)."""
        raise UsageError("usage", "{reason}", fix="See: {command} --help", reason=message, command=self.prog)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit status."""
    as_json, debug = "--json" in arguments, "--debug" in arguments
    session = Session(as_json=as_json)
    command = next((word for word in arguments if word in _COMMANDS), "")
    try:
        options = _parser().parse_args(arguments)
        if not hasattr(options, "run"):
            raise UsageError("usage", "No command is given.", fix="See: bakeoff --help")
        session.folder = getattr(options, "workspace", None)
        document, text = options.run(options, session)
        session.print_result(document, text)
        return 0
    except KeyboardInterrupt as end:
        error = BakeoffError(
            "interrupted", "Interrupted; nothing is lost.", fix="The same command continues."
        )
        if end.args:  # a command that has ended as it should
            error = BakeoffError("interrupted", str(end))
        _fail(session, error)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; what is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BakeoffError as error:
        return _fail(session, error, debug=debug)
    except OSError as error:
        return _fail(session, _from_os(error), debug=debug)
    except Exception as error:
        return _fail(session, _unexpected(error, command), debug=debug)


def _fail(session: Session, error: BakeoffError, *, debug: bool = False) -> int:
    """Tell a failure; with ``debug`` also where it happened (called while the exception is handled)."""
    if debug:
        traceback.print_exc()
    if session.as_json and not session.printed:
        session.print_result({"error": error.as_dict()}, "")
    session.say(error.sentence())
    return 2 if isinstance(error, UsageError) else 1


def _from_os(error: OSError) -> BakeoffError:
    """Put a failure of the operating system into a sentence."""
    return BakeoffError(
        "os.error",
        "{reason}{where}.",
        fix="Check the name, the permissions and the free space.",
        reason=reason_of(error),
        where=f": {error.filename}" if error.filename else "",
        file=error.filename,
    )


def _unexpected(error: Exception, command: str) -> BakeoffError:
    """Put a value that a spec refuses, or a mistake of ours, into a sentence."""
    if type(error).__name__ == "ValidationError" and hasattr(
        error, "errors"
    ):  # pydantic's, not imported here
        first = error.errors()[0]
        return UsageError(
            "usage.value",
            "The value of '{setting}' cannot be used: {reason}.",
            fix="See: bakeoff {command} --help" if command else "See: bakeoff --help",
            command=command,
            setting=place_of(first).replace("_", "-"),
            reason=why_refused(first),
        )
    return BakeoffError(
        "internal",
        "Something unexpected happened ({kind}: {reason}).",
        fix="The same command with --debug shows where; please report it.",
        kind=type(error).__name__,
        reason=str(error).strip().split("\n")[0][:300],
    )


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = everywhere.add_argument_group("everywhere")
    group.add_argument("--workspace", metavar="DIR", help="the workspace (default: $BAKEOFF_WORKSPACE)")
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    group.add_argument("--debug", action="store_true", help="show tracebacks")
    parser = _Parser(
        prog="bakeoff",
        description="Fine-tune several models on your task, merge the best, and see which one wins.",
        parents=[everywhere],
    )
    parser.add_argument("--version", action="version", version=f"bakeoff {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    for name in _COMMANDS:
        module: Any = importlib.import_module(f"engine.cli.{name}")
        module.register(commands, everywhere)
    return parser


if __name__ == "__main__":
    main()
