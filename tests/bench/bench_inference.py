"""Answers per second beside the field's usual ways, with the same GGUF file and prompts in the same run.

Run with ``python -m tests.bench.bench_inference [--shared DIR] [--prompts N] [--task NAME] [--workspace DIR]``.
SmolLM2-135M is fine-tuned briefly on each task first, so that its answers end as a user's do. Each side runs in a
process of its own, in turn, its model loaded before the clock starts. The peers: llama-cpp-python's ``Llama`` (one
prompt at a time; it reuses what a prompt begins with like the one before) and transformers' ``generate`` in batches.
Data: Banking77 (asked briefly, and with all 77 labels in the instruction), SNIPS and SciTLDR as published; without
them the sample tasks.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SIDES: Final = ("bakeoff", "bakeoff-drafts", "llama-cpp-python", "transformers")
BATCH: Final = 32
_ASKED: Final = "Read the bank customer's message and reply with the name of its intent"
Prepared = dict[str, Any]


def bakeoff(workspace: Path, *words: str) -> Any:
    """Run the command line; returns its JSON document."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "--workspace", str(workspace), "--json", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bakeoff {' '.join(words)}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def tasks(shared: Path | None) -> dict[str, list[str]]:
    """Name -> words of ``dataset import``."""
    if shared is None:
        folder = REPOSITORY / "resources" / "tasks"
        return {
            "library-intents": [
                str(folder / "library-intents/examples.jsonl"),
                *("--map", "prompt=message", "--map", "completion=intent"),
                *("--system", "Reply with the name of the message's intent only."),
            ],
            "note-summaries": [
                str(folder / "note-summaries/examples.jsonl"),
                *("--map", "prompt=note", "--map", "completion=summary"),
                *("--system", "Summarise in one sentence."),
            ],
        }
    data = shared / "data"
    return {
        "banking77": [
            str(data / "banking77/test.csv"),
            *("--map", "prompt=text", "--map", "completion=category"),
            *("--system", f"{_ASKED} only."),
        ],
        "banking77-labels": [
            str(data / "banking77/test.csv"),
            *("--map", "prompt=text", "--map", "completion=category"),
            *("--system", f"{_ASKED}, one of: {_labels(data / 'banking77/test.csv')}."),
        ],
        "snips": [
            str(data / "snips/validate_BookRestaurant.json"),
            *("--system", "Extract what the request says, as JSON."),
        ],
        "scitldr": [
            str(data / "scitldr/test.jsonl"),
            *(
                "--map",
                "prompt=source",
                "--map",
                "completion=target",
                "--system",
                "Summarise in one sentence.",
            ),
        ],
    }


def _labels(file: Path) -> str:
    """All labels of Banking77, as an instruction names them."""
    with file.open(encoding="utf-8", newline="") as stream:
        return ", ".join(sorted({row["category"] for row in csv.DictReader(stream)}))


def prepare(workspace: Path, name: str, words: list[str], count: int) -> Prepared:
    """Import, fine-tune and export once; returns what each side needs to answer ``count`` prompts."""
    from itertools import islice

    from engine.datasets.library import open_dataset
    from engine.models.library import find_export, find_model
    from engine.models.template import load_template
    from engine.progress import SilentReporter
    from engine.workspace import open_workspace
    from engine.workspace.naming import NameUnknownError

    opened = open_workspace(workspace)
    model = f"tuned-{name}"
    try:
        files = find_model(opened, model)
    except NameUnknownError:
        bakeoff(workspace, "model", "demo")
        bakeoff(workspace, "dataset", "import", *words, "--name", name, "--test-share", "0.4")
        bakeoff(
            *(workspace, "train", "--base", "smollm2-135m", "--dataset", name, "--name", model),
            *("--set", "epochs=1", "--set", f"limit={64 if 'labels' in name else 192}"),
        )
        bakeoff(workspace, "generate", "--model", f"{model}@q8_0", "--dataset", name, "--limit", "1")
        files = find_model(opened, model)
    merged = workspace / f"{model}-merged"
    if not merged.exists():
        bakeoff(workspace, "export", model, str(merged), "--as", "merged")
    export = find_export(opened, files, "q8_0")
    if export is None:
        raise SystemExit(f"{model} was not exported")
    template = load_template(files.folder, SilentReporter(), fallback=files.base_folder)
    store = open_dataset(opened, name, "train").store
    prompts = [
        template.prompt_ids([message.as_dict() for message in example.prompt])
        for example in islice(store.examples("test"), count)
    ]
    texts = [example.answer.content or "" for example in islice(store.examples("train"), 2000)]
    answers = template.tokenizer(texts, add_special_tokens=False)["input_ids"]
    return {
        "file": str(export.file),
        "folder": str(merged),
        "prompts": prompts,
        "answers": answers,
        "stops": list(template.stop_ids),
        "longest": max(len(answer) for answer in answers) * 3 // 2 + 8,
    }


def run_side(side: str, what: Prepared) -> dict[str, Any]:
    """Answer with one side, loading left out; seconds of wall and processor, memory, tokens."""
    answer = {
        "bakeoff": _ours,
        "bakeoff-drafts": _ours_with_drafts,
        "llama-cpp-python": _llama_cpp_python,
        "transformers": _transformers,
    }[side](what)
    wall, processor = time.monotonic(), time.process_time()
    answers = answer()
    return {
        "side": side,
        "seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "tokens": sum(len(one) for one in answers),
        "answers": answers,
    }


def _ours(what: Prepared, drafts: Any = None) -> Any:
    from engine.inference.llama.decoder import BatchedDecoder
    from engine.inference.llama.model import LlamaModel

    decoder = BatchedDecoder(LlamaModel(Path(what["file"])), sequences=BATCH)

    def answer() -> list[list[int]]:
        found = decoder.decode(what["prompts"], set(what["stops"]), what["longest"], drafts=drafts)
        return [one.tokens for one in sorted(found, key=lambda one: one.index)]

    return answer


def _ours_with_drafts(what: Prepared) -> Any:
    from engine.inference.llama.drafts import AnswerDrafts, FirstOf, PromptDrafts

    return _ours(what, FirstOf(AnswerDrafts(what["answers"]), PromptDrafts()))


def _llama_cpp_python(what: Prepared) -> Any:
    from engine.inference.llama.kernels import choose_kernels

    choose_kernels()  # both sides compute with the same ones
    from llama_cpp import Llama

    threads = os.cpu_count() or 1
    longest = max(len(prompt) for prompt in what["prompts"]) + what["longest"] + 8
    model = Llama(what["file"], n_ctx=longest, n_threads=threads, n_threads_batch=threads, verbose=False)
    stops = set(what["stops"])

    def answer() -> list[list[int]]:
        answers = []
        for prompt in what["prompts"]:
            answers.append([])
            for token in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0):
                if token in stops:
                    break
                answers[-1].append(int(token))
                if len(answers[-1]) >= what["longest"]:
                    break
        return answers

    return answer


def _transformers(what: Prepared) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(what["folder"], dtype=torch.bfloat16).eval()
    stops = set(what["stops"])

    def answer() -> list[list[int]]:
        order = sorted(range(len(what["prompts"])), key=lambda index: len(what["prompts"][index]))
        answers: list[list[int]] = [[] for _ in order]
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            width = max(len(what["prompts"][index]) for index in group)
            pad = [width - len(what["prompts"][index]) for index in group]
            ids = [[0] * gap + what["prompts"][index] for gap, index in zip(pad, group, strict=True)]
            mask = [[0] * gap + [1] * (width - gap) for gap in pad]
            with torch.inference_mode():
                made = model.generate(
                    input_ids=torch.tensor(ids),
                    attention_mask=torch.tensor(mask),
                    max_new_tokens=what["longest"],
                    do_sample=False,
                    eos_token_id=what["stops"],
                    pad_token_id=what["stops"][0],
                )
            for index, row in zip(group, made[:, width:].tolist(), strict=True):
                end = next((place for place, token in enumerate(row) if token in stops), len(row))
                answers[index] = row[:end]
        return answers

    return answer


def main() -> None:
    """Run all sides on all tasks and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = REPOSITORY.parent / "shared"
    parser.add_argument("--shared", type=Path, default=shared if shared.is_dir() else None)
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--task", action="append", help="this one alone; may be given several times")
    parser.add_argument("--workspace", type=Path, help="kept, so that a second run trains nothing")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--what", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_side(options.side, json.loads(options.what.read_text(encoding="utf-8")))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        workspace = (options.workspace or Path(temporary) / "workspace").absolute()
        for name, words in tasks(options.shared).items():
            if options.task and name not in options.task:
                continue
            what = prepare(workspace, name, words, options.prompts)
            file = Path(temporary) / f"{name}.json"
            file.write_text(json.dumps(what), encoding="utf-8")
            _compare(name, what, file)


def _compare(name: str, what: Prepared, file: Path) -> None:
    lengths = [len(prompt) for prompt in what["prompts"]]
    print(f"{name}: {len(lengths)} prompts of {sum(lengths) / len(lengths):.0f} tokens, Q8_0 of SmolLM2-135M")
    found = {}
    for side in SIDES:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bench_inference", "--side", side, "--what", str(file)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        found[side] = json.loads(done.stdout.splitlines()[-1])
    base = found["llama-cpp-python"]
    for side, row in found.items():
        same = sum(one == other for one, other in zip(row["answers"], base["answers"], strict=True))
        print(
            f"  {side:<18} {len(lengths) / row['seconds']:6.2f} answers/s "
            f"({base['seconds'] / row['seconds']:.2f}x), {row['cpu_seconds']:5.1f} CPU s, "
            f"{row['peak_mb']:6.0f} MB, {row['tokens']} tokens, {same} answers as llama-cpp-python's"
        )


if __name__ == "__main__":
    main()
