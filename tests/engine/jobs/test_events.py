"""Events: numbered over all attempts, each seen once, half lines repaired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.jobs.events import EventReader, EventWriter


def _types(reader: EventReader) -> list[str]:
    return [event.type for event in reader.new()]


def test_each_event_is_given_once_as_the_file_grows(tmp_path: Path) -> None:
    writer, reader = EventWriter(tmp_path / "events.jsonl"), EventReader(tmp_path / "events.jsonl")
    assert _types(reader) == []
    writer.write("one", {"text": "größe\n2"})
    assert _types(reader) == ["one"]
    assert _types(reader) == []
    writer.write("two", {})
    writer.write("three", {})
    assert _types(reader) == ["two", "three"]
    writer.close()
    late = list(EventReader(tmp_path / "events.jsonl").new())
    assert [event.seq for event in late] == [1, 2, 3]
    assert late[0].data == {"text": "größe\n2"}


def test_a_reader_before_the_file_exists_waits(tmp_path: Path) -> None:
    assert _types(EventReader(tmp_path / "none.jsonl")) == []


def test_a_half_written_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = json.dumps({"seq": 1, "time": 0.0, "type": "ä", "data": {}}, ensure_ascii=False).encode() + b"\n"
    reader = EventReader(path)
    for cut in range(len(line)):
        path.write_bytes(line[:cut])
        assert _types(reader) == []
    path.write_bytes(line)
    assert _types(reader) == ["ä"]


def test_numbers_go_on_over_attempts(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _attempt in range(3):
        writer = EventWriter(path)
        writer.write("job.started", {})
        writer.close()
    assert [event.seq for event in EventReader(path).new()] == [1, 2, 3]


def test_what_a_killed_writer_left_half_written_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer, reader = EventWriter(path), EventReader(path)
    writer.write("one", {})
    writer.close()
    assert _types(reader) == ["one"]
    with path.open("ab") as stream:
        stream.write(b'{"seq": 2, "time": 1.0, "type": "tw')
    assert _types(reader) == []
    writer = EventWriter(path)
    writer.write("two", {})
    writer.close()
    assert [(event.seq, event.type) for event in reader.new()] == [(2, "two")]


def test_a_file_with_only_half_a_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq": 1')
    writer = EventWriter(path)
    writer.write("one", {})
    writer.close()
    assert [(event.seq, event.type) for event in EventReader(path).new()] == [(1, "one")]


def test_values_that_json_does_not_know_become_text(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.write("path", {"file": tmp_path})
    writer.close()
    assert next(EventReader(tmp_path / "events.jsonl").new()).data == {"file": str(tmp_path)}


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_a_disk_that_takes_half_a_line_leaves_only_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom engine.jobs.events import EventWriter\n"
        "writer = EventWriter(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "written = 0\n"
        "try:\n"
        "    while written < 100:\n"
        "        writer.write('step', {'n': written})\n"
        "        written += 1\n"
        "except OSError as error:\n"
        "    print(written)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    events = list(EventReader(path).new())
    assert 0 < len(events) == int(ran.stdout) < 100
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("left", [b"garbage\n", b"\x00" * 40 + b"\n", b'{"seq": 9}\n[1]\n\n', b"\n"])
def test_what_a_power_cut_left_is_passed_over_and_cut_off(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write("one", {})
    writer.close()
    with path.open("ab") as stream:
        stream.write(left)
    assert _types(EventReader(path)) == ["one"]
    writer = EventWriter(path)
    writer.write("two", {})
    writer.close()
    assert [(event.seq, event.type) for event in EventReader(path).new()] == [(1, "one"), (2, "two")]
    assert len(path.read_bytes().splitlines()) == 2
