"""Where the processor has AVX-512, the kernels that were built for it compute; elsewhere those of the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.inference.llama.kernels import _PROCESSOR, NEEDED, built_kernels, processor_features
from tests.engine.inference.llama.models import tiny_gguf

HAS_AVX512 = processor_features(_PROCESSOR) >= NEEDED

#: Prints the version that is recorded, which files of kernels were loaded, and an answer.
PROGRAM = """
import json, sys
from pathlib import Path
if sys.argv[2] == "package":
    import llama_cpp
from engine.inference.llama.decoder import BatchedDecoder
from engine.inference.llama.library import version
from engine.inference.llama.model import LlamaModel
with LlamaModel(Path(sys.argv[1])) as model:
    found = list(BatchedDecoder(model, threads=1).decode([[5, 6, 7, 8], [5, 6, 9]], set(), 6))
maps = Path("/proc/self/maps").read_text().splitlines()
files = sorted({line.split()[-1] for line in maps if "libggml-cpu" in line})
print(json.dumps([version(), files, [len(one.tokens) for one in found]]))
"""


def run(file: Path, which: str) -> tuple[str, list[str], list[int]]:
    import json

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file), which], capture_output=True, text=True, check=True
    )
    version, files, lengths = json.loads(done.stdout)
    return version, files, lengths


@pytest.mark.skipif(not HAS_AVX512, reason="this processor has no AVX-512")
@pytest.mark.skipif(built_kernels() is None, reason="set-up has built no kernels for AVX-512")
def test_a_processor_with_avx512_computes_with_the_kernels_made_for_it(tmp_path: Path) -> None:
    _, file = tiny_gguf(tmp_path)
    version, files, lengths = run(file, "best")
    assert version.endswith(", AVX-512")
    assert [Path(one).parent.name for one in files] == ["avx512"]
    assert lengths == [6, 6]


@pytest.mark.skipif(sys.platform != "linux", reason="read from Linux's list of what is loaded")
def test_kernels_that_are_loaded_already_stay(tmp_path: Path) -> None:
    _, file = tiny_gguf(tmp_path)
    version, files, lengths = run(file, "package")
    assert "AVX-512" not in version
    assert [Path(one).parent.name for one in files] == ["lib"]
    assert lengths == [6, 6]


def test_features_are_those_of_the_first_processor(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(
        "processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: fpu avx2 avx512f\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    )
    assert processor_features(file) == {"fpu", "avx2", "avx512f"}


def test_a_system_that_does_not_tell_has_no_features(tmp_path: Path) -> None:
    assert processor_features(tmp_path / "missing") == frozenset()
    (tmp_path / "arm").write_text("processor : 0\nFeatures : asimd\n")
    assert processor_features(tmp_path / "arm") == frozenset()
