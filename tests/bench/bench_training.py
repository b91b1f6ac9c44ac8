"""Training speed and memory beside the field's standard trainer, on the same examples in the same run.

Run with ``python -m tests.bench.bench_training [--shared DIR] [--steps N]``. Each side runs in a process of its
own, in turn. The peer is transformers' Trainer with PEFT and the usual collator: random batches, and logits at
every position. Data: Banking77 with all 77 labels in the instruction, and SciTLDR; without the public files the
sample tasks that ship with Bakeoff.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
BATCH = 8
RATE = 2e-4


def examples(task: str, shared: Path | None, count: int) -> list[list[dict[str, str]]]:
    """Conversations of a task."""
    import csv

    if task == "intents":
        if shared:
            rows = list(csv.DictReader((shared / "data/banking77/train.csv").open(encoding="utf-8")))
            pairs = [(row["text"], row["category"]) for row in rows]
        else:
            pairs = [(row["message"], row["intent"]) for row in _shipped("library-intents")]
        labels = ", ".join(sorted({label for _, label in pairs}))
        system = f"Answer with one of these labels only: {labels}."
    else:
        if shared:
            lines = (shared / "data/scitldr/train.jsonl").read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines]
            pairs = [(" ".join(row["source"]), " ".join(row["target"])) for row in rows]
        else:
            pairs = [(row["note"], row["summary"]) for row in _shipped("note-summaries")]
        system = "Summarise in one sentence."
    step = max(len(pairs) // count, 1)
    return [
        [
            {"role": "system", "content": system},
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": answer},
        ]
        for prompt, answer in pairs[::step][:count]
    ]


def _shipped(name: str) -> list[dict[str, str]]:
    file = REPOSITORY / "resources" / "tasks" / name / "examples.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def run_side(side: str, task: str, model: Path, shared: Path | None, steps: int) -> dict[str, Any]:
    """Train for some steps; returns seconds, examples and tokens per second, and peak memory."""
    import torch
    from peft import LoraConfig, get_peft_model

    from engine.models.device import choose_device
    from engine.models.load import load_causal_lm
    from engine.models.template import load_template
    from engine.progress import SilentReporter
    from engine.training.examples import TrainingExample

    torch.manual_seed(0)
    device = choose_device(SilentReporter())
    template = load_template(model, SilentReporter())
    data: list[TrainingExample] = []
    for row, messages in enumerate(examples(task, shared, steps * BATCH)):
        rendered = template.render(messages)
        data.append(TrainingExample(row, rendered.ids[:2048], min(rendered.prompt_length, 2047)))
    core = load_causal_lm(model, device)
    adapted = get_peft_model(
        core, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    started, used = time.monotonic(), time.process_time()
    if side == "bakeoff":
        _ours(core, adapted, data, device.name)
    else:
        _trainer(adapted, data)
    seconds = time.monotonic() - started
    tokens = sum(len(example.ids) for example in data)
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - used,
        "examples_per_second": len(data) / seconds,
        "tokens_per_second": tokens / seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "dtype": device.dtype,
        "tokens_per_example": tokens / len(data),
    }


def _ours(core: Any, adapted: Any, data: list[Any], device: str) -> None:
    """One epoch of our loop."""
    import torch

    from engine.training.batches import epoch_batches, parts, supervised_tokens
    from engine.training.loss import answer_loss, collate

    parameters = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, fused=True)
    lengths = [len(example.ids) for example in data]
    adapted.train()
    for batch in epoch_batches(lengths, BATCH, seed=0, epoch=0):
        trained = supervised_tokens(batch, data)
        for part in parts(batch, lengths, 4096):
            loss = answer_loss(core, collate([data[index] for index in part], 0, device)) / trained
            torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _trainer(adapted: Any, data: list[Any]) -> None:
    """One epoch of transformers' Trainer."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        longest = max(len(row["input_ids"]) for row in rows)

        def padded(name: str, fill: int) -> Any:
            return torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in rows])

        ids, labels = padded("input_ids", 0), padded("labels", -100)
        mask = torch.tensor([[1] * len(row["labels"]) + [0] * (longest - len(row["labels"])) for row in rows])
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}

    rows = [
        {"input_ids": one.ids, "labels": [-100] * one.prompt_length + one.ids[one.prompt_length :]}
        for one in data
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            learning_rate=RATE,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        Trainer(model=adapted, args=arguments, train_dataset=rows, data_collator=collate).train()


def main() -> None:
    """Measure both sides on both tasks and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shared = options.shared.resolve() if (options.shared / "data").is_dir() else None
    if options.side:
        print(json.dumps(run_side(options.side, options.task, options.model, shared, options.steps)))
        return
    from engine.models.gguf import dequantise
    from engine.models.source import demo_source
    from engine.progress import SilentReporter

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        model.mkdir()
        dequantise(Path(demo_source().where), model, SilentReporter())
        print(
            f"SmolLM2-135M, LoRA rank 16, batch {BATCH}, {options.steps} steps, {os.cpu_count()} cores, "
            f"{'public data' if shared else 'sample tasks'}"
        )
        print(f"{'task':12}{'side':12}{'ex/s':>8}{'tok/s':>8}{'CPU s':>8}{'peak MB':>9}  dtype")
        for task in ("intents", "summaries"):
            for side in ("bakeoff", "trainer"):
                command = [sys.executable, "-m", "tests.bench.bench_training", "--side", side, "--task", task]
                command += [
                    "--model",
                    str(model),
                    "--steps",
                    str(options.steps),
                    "--shared",
                    str(options.shared),
                ]
                done = subprocess.run(
                    command, capture_output=True, encoding="utf-8", check=True, cwd=REPOSITORY
                )
                figures = json.loads(done.stdout.splitlines()[-1])
                print(
                    f"{task:12}{side:12}{figures['examples_per_second']:8.2f}{figures['tokens_per_second']:8.0f}"
                    f"{figures['cpu_seconds']:8.1f}{figures['peak_mb']:9.0f}  {figures['dtype']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
