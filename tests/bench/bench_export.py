"""Writing GGUF files beside llama.cpp's own converter and quantiser, and beside the disk.

Run with ``python -m tests.bench.bench_export [--small] [--folder DIR]``. Models: SmolLM2-135M, and a random Llama of
about a billion parameters. Each side runs in a process of its own, its start included, so that seconds, CPU seconds
and peak memory are its own (of the peer's two processes: the sums and the larger peak).

* F16 beside the converter, and beside the *disk floor*: the weights copied, and flushed to the disk.
* Q4_K_M straight from the folder, beside converting to 16 bits and quantising that.

What both wrote is compared, tensor by tensor and byte by byte.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
LARGE: Final = {
    "hidden_size": 2048,
    "num_hidden_layers": 22,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "intermediate_size": 5632,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
    "max_position_embeddings": 2048,
}


def small_model(folder: Path) -> Path:
    """SmolLM2-135M in bfloat16, as Bakeoff adds it to a workspace."""
    from engine.models.library import find_model
    from engine.workspace import open_workspace
    from engine.workspace.naming import NameUnknownError

    place = folder / "workspace"
    try:
        return find_model(open_workspace(place), "smollm2-135m").folder
    except NameUnknownError:
        words = [sys.executable, "-m", "engine.cli.main", "--workspace", str(place), "model", "demo"]
        subprocess.run(words, cwd=REPOSITORY, check=True, stdout=sys.stderr)
    return find_model(open_workspace(place), "smollm2-135m").folder


def large_model(folder: Path, small: Path) -> Path:
    """A random Llama in bfloat16 with the tokenizer of ``small``, in shards as the Hub has them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    target = folder / "llama-1b"
    if target.exists():
        return target
    torch.manual_seed(0)
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**LARGE))
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.02)
    making = folder / ".llama-1b"
    model.tie_weights()
    model.save_pretrained(making, max_shard_size="1GB")
    for file in small.iterdir():
        if file.name.startswith(("tokenizer", "special", "vocab", "merges", "chat_template")):
            shutil.copyfile(file, making / file.name)
    making.rename(target)
    return target


def ours(folder: Path, out: Path, kind: str) -> None:
    """A GGUF file by Bakeoff, without the comparisons that follow an export."""
    from engine.models.auto import forgo_models

    forgo_models()  # as the job does
    from engine.exporting.plan import plan_gguf
    from engine.exporting.quantisations import quantisation
    from engine.exporting.writing import write_gguf

    write_gguf(plan_gguf(folder, quantisation(kind)), out, name=folder.name)


def converter(folder: Path, out: Path, kind: str) -> None:
    """The packaged converter."""
    from tests.gguf_oracle import convert

    convert({folder: out}, kind, pre=None)


def quantiser(folder: Path, out: Path, kind: str) -> None:
    """llama.cpp's quantiser; ``folder`` is a GGUF file here."""
    from engine.exporting.quantisations import quantisation
    from tests.gguf_oracle import quantise

    quantise(folder, out, quantisation(kind).file_type)


def disk(folder: Path, out: Path, kind: str) -> None:
    """The weights copied by the system, and flushed."""
    del kind
    with out.open("wb") as writing:
        for file in sorted(folder.glob("*.safetensors")):
            with file.open("rb") as reading:
                shutil.copyfileobj(reading, writing, 1 << 22)
        os.fsync(writing.fileno())


SIDES: Final = {"ours": ours, "converter": converter, "quantiser": quantiser, "disk": disk}


def measured(side: str, folder: Path, out: Path, kind: str) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory (MB) of a side's process and its children."""
    out.unlink(missing_ok=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_export", "--side", side, str(folder), str(out), kind],
        cwd=REPOSITORY,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{side} failed on {folder}")
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def compare(name: str, folder: Path, scratch: Path) -> None:
    """All sides on one model, as a table."""
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    print(f"{name}: {size / 1e6:,.0f} MB of weights")
    _apart(_read, folder)  # everybody finds the weights in the system's cache
    mine, theirs, between = scratch / "ours.gguf", scratch / "theirs.gguf", scratch / "between.gguf"
    floor = measured("disk", folder, scratch / "copy", "")
    _print("disk floor", floor)
    _print("F16, Bakeoff", measured("ours", folder, mine, "f16"), floor)
    _print("F16, llama.cpp", measured("converter", folder, theirs, "f16"), floor)
    _print_differences(_apart(_differences, mine, theirs))
    straight = measured("ours", folder, mine, "q4_k_m")
    first = measured("converter", folder, between, "bf16")
    second = measured("quantiser", between, theirs, "q4_k_m")
    both = {key: first[key] + second[key] for key in first} | {
        "peak_mb": max(first["peak_mb"], second["peak_mb"])
    }
    _print("Q4_K_M, Bakeoff", straight)
    _print("Q4_K_M, llama.cpp", both)
    print(f"    of it converting {first['seconds']:.1f} s, quantising {second['seconds']:.1f} s")
    print(f"    straight is {both['seconds'] / straight['seconds']:.2f}x as fast")
    _print_differences(_apart(_differences, mine, theirs))


def _read(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.read_bytes()


def _differences(ours: Path, theirs: Path) -> list[str]:
    from tests.gguf_oracle import differences

    return differences(ours, theirs)


def _apart(work: Callable[..., Any], *what: Path) -> Any:
    """The result of work that needs much memory, in a process of its own.

    The system counts the peak of a process from that of the one that started it, so this one stays small.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *what).result()


def _print(what: str, row: dict[str, float], floor: dict[str, float] | None = None) -> None:
    beside = f", {row['seconds'] / floor['seconds']:.2f}x the floor" if floor else ""
    print(
        f"  {what:<18} {row['seconds']:6.1f} s{beside}, {row['cpu_seconds']:6.1f} CPU s, {row['peak_mb']:6.0f} MB",
        flush=True,
    )


def _print_differences(found: list[str]) -> None:
    print(f"    tensors and vocabulary: {'; '.join(found[:3]) if found else 'equal byte for byte'}")


def main() -> None:
    """Make the models, run all sides, print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="SmolLM2-135M alone")
    parser.add_argument("--folder", type=Path, help="where the models are kept for the next time")
    parser.add_argument("--side", nargs=4, metavar=("SIDE", "FOLDER", "OUT", "KIND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, folder, out, kind = options.side
        SIDES[side](Path(folder), Path(out), kind)
        return
    with tempfile.TemporaryDirectory() as temporary:
        models = (options.folder or Path(temporary)).absolute()
        models.mkdir(parents=True, exist_ok=True)
        small = _apart(small_model, models)
        compare("SmolLM2-135M", small, Path(temporary))
        if not options.small:
            compare("Llama, 1.1B, random", _apart(large_model, models, small), Path(temporary))


if __name__ == "__main__":
    main()
