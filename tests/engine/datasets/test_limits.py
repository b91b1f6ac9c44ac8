"""Memory and disk: large files stay small in memory, a full disk leaves nothing, the package is light to import."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.datasets.conftest import jsonl, plain

resource = pytest.importorskip("resource")

IMPORT = """
import json, resource, sys
from pathlib import Path
from engine.datasets import ImportOptions, import_files
from engine.errors import BakeoffError
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    report = import_files([sys.argv[1]], ImportOptions(), Path(sys.argv[2]))
    answer = {"examples": report.examples, "rejected": len(report.rejected)}
except BakeoffError as error:
    answer = {"error": error.code, "message": error.sentence()}
# Not ru_maxrss: a child inherits that figure from the process that started it.
high_water = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
answer["mb"] = int(high_water.split()[1]) / 1024
print(json.dumps(answer))
"""


def run(*arguments: Path | int) -> dict:
    command = [sys.executable, "-c", IMPORT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict = json.loads(done.stdout)
    return answer


def test_peak_memory_of_a_million_rows_stays_under_a_gigabyte(tmp_path: Path) -> None:
    """Measured at two sizes and extended in a straight line (the whole million is measured in tests/bench)."""
    draw = random.Random(0)
    words = [f"word{n}" for n in range(500)]
    rows = [
        {"prompt": " ".join(draw.choices(words, k=9)), "completion": draw.choice(words)}
        for _ in range(120_000)
    ]
    peaks = {}
    for count in (40_000, 120_000):
        (tmp_path / f"{count}.json").write_text(json.dumps(rows[:count]))
        answer = run(tmp_path / f"{count}.json", tmp_path / f"store-{count}")
        assert answer["examples"] == count
        peaks[count] = answer["mb"]
    slope = (peaks[120_000] - peaks[40_000]) / 80_000
    assert peaks[120_000] + slope * 880_000 < 1000, peaks


def test_a_giant_line_is_never_held(tmp_path: Path) -> None:
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    small.write_bytes(jsonl(plain(50)))
    with large.open("wb") as stream:
        stream.write(jsonl(plain(50)) + b'{"prompt": "')
        for _ in range(400):
            stream.write(b"x" * 1_000_000)
        stream.write(b'", "completion": "y"}\n' + jsonl(plain(50, 100)))
    without = run(small, tmp_path / "store-small")
    with_it = run(large, tmp_path / "store-large")
    assert (with_it["examples"], with_it["rejected"]) == (100, 1)
    assert with_it["mb"] - without["mb"] < 60


@pytest.mark.parametrize("limit", [1000, 60_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "rows.jsonl"
    draw = random.Random(0)
    rows = [
        {"prompt": draw.randbytes(40).hex(), "completion": draw.randbytes(20).hex()} for _ in range(20_000)
    ]
    path.write_bytes(jsonl(rows))
    answer = run(path, tmp_path / "workspace" / "store", limit)
    assert answer["error"] == "dataset.not_written", answer
    assert "Free some space" in answer["message"]
    assert not list((tmp_path / "workspace").iterdir())


def test_the_package_is_light_to_import() -> None:
    heavy = {"pyarrow", "numpy", "scipy", "torch", "pandas", "sqlalchemy"}
    code = (
        f"import sys, engine.datasets, engine.datasets.spec; print([m for m in sys.modules if m in {heavy}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
