"""Run the fake server by hand: ``python -m tests.fake_openai --port 8080 --truth truth.json``."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path

from tests.fake_openai.server import FakeOpenAI
from tests.fake_openai.truth import Truth


def main() -> None:
    """Serve until interrupted; the first line printed is the base URL, the last the counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_openai", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--truth", type=Path, help="JSON file with fields of Truth")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=JSON", help="set one field of Truth"
    )
    parser.add_argument(
        "--fail", action="append", default=[], metavar="FAILURE", help="append to the failure script"
    )
    arguments = parser.parse_args()
    truth = Truth.from_file(arguments.truth) if arguments.truth else Truth()
    truth.changed(
        {name: json.loads(value) for name, _, value in (item.partition("=") for item in arguments.set)}
    )
    truth.failures.extend(arguments.fail)
    server = FakeOpenAI(truth, port=arguments.port).start()
    print(server.base_url, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print(json.dumps(server.usage.as_dict(), indent=1), flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
