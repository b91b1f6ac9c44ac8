"""Classes of transformers, asked for by several threads at once."""

from __future__ import annotations

import subprocess
import sys

#: The second thread comes while the first is in the middle of it.
_PROGRAM = """
import sys, threading
from engine.models.auto import auto_class

found = []
first = threading.Thread(target=lambda: found.append(auto_class("AutoConfig")))
first.start()
while "transformers" not in sys.modules:
    pass
found.append(auto_class("AutoConfig"))
first.join()
print(*(one.__name__ for one in found))
"""


def test_two_threads_ask_at_once() -> None:
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert told.stdout.split() == ["AutoConfig", "AutoConfig"], told.stderr
