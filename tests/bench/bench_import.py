"""How fast and how large an import is: 1,000,000 short rows as JSONL, CSV and a JSON array.

    python -m tests.bench.bench_import [--rows 1000000] [--only jsonl,csv,json]

Each measurement runs in a fresh process, so that its peak memory is its own;
processor time is also given, because wall time means little on a busy machine. Peers in the same run, which only
parse (no checks, no duplicates, no split, nothing stored): the standard library's json into a list, and
pyarrow's JSON and CSV readers into a table.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = [first + middle + last for first in "bdfglmnprst" for middle in "aeiou" for last in ("l", "rn", "nd")]

MEASURE = """
import resource, sys, time
kind, path, scratch = sys.argv[1:4]
started = time.perf_counter()
if kind == "bakeoff":
    from pathlib import Path
    from engine.datasets import ImportOptions, import_files
    report = import_files([path], ImportOptions(), Path(scratch) / "store")
    rows, extra = report.examples, f"{report.duplicates} duplicates, {report.near_duplicates} near"
elif kind == "json":
    import json
    with open(path, encoding="utf-8") as stream:
        rows, extra = len([json.loads(line) for line in stream] if path.endswith("l") else json.load(stream)), ""
elif kind == "pyarrow.json":
    import pyarrow.json
    rows, extra = pyarrow.json.read_json(path).num_rows, ""
else:
    import pyarrow.csv
    rows, extra = pyarrow.csv.read_csv(path).num_rows, ""
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{rows}|{seconds:.1f}|{time.process_time():.1f}|{peak:.0f}|{extra}")
"""


def write(folder: Path, rows: int) -> dict[str, Path]:
    """Write the same rows in three containers."""
    import csv

    draw = random.Random(7)
    paths = {kind: folder / f"rows.{kind}" for kind in ("jsonl", "csv", "json")}
    with (
        paths["jsonl"].open("w", encoding="utf-8") as lines,
        paths["json"].open("w", encoding="utf-8") as array,
        paths["csv"].open("w", encoding="utf-8", newline="") as table,
    ):
        writer = csv.writer(table)
        writer.writerow(["prompt", "completion"])
        array.write("[")
        for number in range(rows):
            prompt = " ".join(draw.choices(WORDS, k=draw.randint(6, 16))) + "?"
            answer = " ".join(draw.choices(WORDS, k=3))
            text = json.dumps({"prompt": prompt, "completion": answer})
            lines.write(text + "\n")
            array.write(("," if number else "") + text)
            writer.writerow([prompt, answer])
        array.write("]")
    return paths


def measure(kind: str, path: Path) -> str:
    """Run one measurement in its own process and give its line of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-c", MEASURE, kind, str(path), scratch]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"| {path.suffix[1:]} | {kind} | failed: {done.stderr.strip().splitlines()[-1]} | | | | |"
    rows, seconds, processor, peak, extra = done.stdout.strip().split("|")
    rate = int(rows) / float(seconds)
    return f"| {path.suffix[1:]} | {kind} | {seconds} s | {processor} s | {rate:,.0f} rows/s | {peak} MB | {extra} |"


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default="jsonl,csv,json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), arguments.rows)
        print(f"{arguments.rows:,} rows\n\n| file | with | time | processor | rate | peak | found |")
        print("|---|---|---|---|---|---|---|")
        for container in arguments.only.split(","):
            peers = {"jsonl": ["json", "pyarrow.json"], "json": ["json"], "csv": ["pyarrow.csv"]}[container]
            for kind in ("bakeoff", *peers):
                print(measure(kind, paths[container]), flush=True)


if __name__ == "__main__":
    main()
