"""Classes of transformers, asked for by several threads at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.models.errors import ModelError
from engine.models.tokenizer import load_tokenizer
from tests.tiny import tiny_model

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


def test_a_process_that_wants_tokenizers_only_has_them_without_torch(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    program = (
        "import sys; from pathlib import Path; from engine.models.auto import forgo_torch; forgo_torch(); "
        "from engine.models.template import load_template; from engine.progress import SilentReporter; "
        f"ids = load_template(Path({str(folder)!r}), SilentReporter()).tokenizer('a b')['input_ids']; "
        "print(ids, sys.modules['torch'])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    ids = load_tokenizer(folder)("a b")["input_ids"]
    assert (told.stdout.strip(), told.stderr) == (f"{ids} None", "")


def test_a_folder_without_a_tokenizer_is_told_as_such(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    for file in (*folder.glob("tokenizer*"), *folder.glob("special*")):
        file.unlink()
    with pytest.raises(ModelError, match="There is no tokenizer in") as caught:
        load_tokenizer(folder)
    assert caught.value.code == "model.no_tokenizer"


def test_tokenizers_come_without_the_models_and_torch_comes_afterwards(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    program = (
        "import os, sys; from pathlib import Path; from engine.models.auto import forgo_models; forgo_models(); "
        "assert 'torch' not in sys.modules and 'TRANSFORMERS_NO_ADVISORY_WARNINGS' not in os.environ; "
        "import torch; forgo_models(); assert sys.modules['torch'] is torch; "
        "from engine.models.tokenizer import load_tokenizer; "
        "from transformers.utils import is_torch_available; "
        f"print(load_tokenizer(Path({str(folder)!r}))('x')['input_ids'], is_torch_available())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert told.stdout.split() == ["[87]", "False"], told.stderr
    assert told.stderr == ""
