"""Merging a 135M model against the plain way: `python -m tests.bench.bench_merge`.

SLERP and TIES on three random siblings with the shape of SmolLM2-135M, in bfloat16 on disk. The plain way
computes the same formula with whole models in memory, as a short script would. Every measurement runs in
a process of its own, so that seconds, CPU seconds and peak memory are its own.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SHAPE = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100000,
    "dtype": "bfloat16",
}
SLERP = """
merge_method: slerp
base_model: a
models: [{model: a}, {model: b}]
parameters:
  t:
  - {filter: self_attn, value: [0, 0.5, 0.3, 0.7, 1]}
  - {filter: mlp, value: [1, 0.5, 0.7, 0.3, 0]}
  - {value: 0.5}
dtype: bfloat16
"""
TIES = """
merge_method: ties
base_model: base
models:
- {model: a, parameters: {weight: 0.5, density: 0.5}}
- {model: b, parameters: {weight: 0.5, density: 0.5}}
dtype: bfloat16
"""


def tensors() -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors."""
    hidden, wide, keys = 576, 1536, 192
    layer = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (wide, hidden),
        "mlp.up_proj": (wide, hidden),
        "mlp.down_proj": (hidden, wide),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    names = {f"model.layers.{i}.{part}.weight": shape for i in range(30) for part, shape in layer.items()}
    return {"model.embed_tokens.weight": (49152, hidden), **names, "model.norm.weight": (hidden,)}


def make_siblings(folder: Path) -> None:
    """Three models on disk: random, and two that differ from it by a little noise."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(0)
    base = {name: torch.randn(shape, generator=generator) * 0.02 for name, shape in tensors().items()}
    for name in ("base", "a", "b"):
        (folder / name).mkdir()
        noise = 0.0 if name == "base" else 0.002
        model = {
            key: (value + noise * torch.randn(value.shape, generator=generator)).to(torch.bfloat16)
            for key, value in base.items()
        }
        save_file(model, folder / name / "model.safetensors")
        (folder / name / "config.json").write_text(json.dumps(SHAPE))


def ours(folder: Path, method: str, threads: int) -> None:
    """The product: checked, streamed, parents and result hashed, written under a temporary name."""
    from engine.merging import merge, parse_recipe

    recipe = parse_recipe(SLERP if method == "slerp" else TIES)
    merge(recipe, folder / f"ours-{method}-{threads}", resolve=lambda name: folder / name, threads=threads)


def plain(folder: Path, method: str) -> None:
    """The same formula on whole models in memory, as a short script would do it."""
    import torch
    from safetensors.torch import load_file, save_file

    out = folder / f"plain-{method}"
    out.mkdir()
    names = ("a", "b") if method == "slerp" else ("base", "a", "b")
    models = [
        {key: value.float() for key, value in load_file(folder / name / "model.safetensors").items()}
        for name in names
    ]
    compute = plain_slerp if method == "slerp" else plain_ties
    merged = {key: compute(key, [model[key] for model in models]).to(torch.bfloat16) for key in models[0]}
    save_file(merged, out / "model.safetensors")


def plain_slerp(name: str, values: list[torch.Tensor]) -> torch.Tensor:
    a, b = values
    t = 0.5
    if "layers." in name:
        gradient = [0, 0.5, 0.3, 0.7, 1] if "self_attn" in name else [1, 0.5, 0.7, 0.3, 0]
        if "self_attn" in name or "mlp" in name:
            place = int(name.split(".")[2]) / 29 * 4
            left = min(int(place), 3)
            t = gradient[left] + (place - left) * (gradient[left + 1] - gradient[left])
    cos = float((a.flatten() / a.norm()) @ (b.flatten() / b.norm()))
    if abs(cos) > 0.9995:
        return (1 - t) * a + t * b
    angle = math.acos(cos)
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def plain_ties(name: str, values: list[torch.Tensor]) -> torch.Tensor:
    import torch

    base, *models = values
    changes = []
    for model in models:
        change = model - base
        kept = torch.zeros(change.numel())
        kept[change.abs().flatten().topk(int(0.5 * change.numel())).indices] = 1
        changes.append(0.5 * change * kept.view(change.shape))
    stacked = torch.stack(changes)
    sign = torch.where(stacked.sum(0) >= 0, 1, -1)
    agrees = stacked.sign() == sign
    divisor = (agrees * 0.5).sum(0)
    divisor[divisor == 0] = 1
    return base + (stacked * agrees).sum(0) / divisor


def in_child(*words: str) -> str:
    """Run a part of this file in a fresh process.

    This process never imports torch: Linux counts the parent's memory into the peak of its children.
    """
    command = [sys.executable, "-m", "tests.bench.bench_merge", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(folder: Path, way: str, method: str, threads: int) -> dict[str, Any]:
    """One run in a fresh process: seconds of the work, CPU seconds and peak memory of the process."""
    measured: dict[str, Any] = json.loads(in_child(str(folder), way, method, str(threads)))
    return measured


def child(folder: Path, way: str, method: str, threads: int) -> None:
    """What `measure` starts."""
    import engine.merging.execute
    import engine.weights.folding  # noqa: F401  (imports are not what is measured)

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    if way == "make":
        make_siblings(folder)
        return
    if way == "compare":
        print(json.dumps(largest_difference(folder, method)))
        return
    start, cpu, before = time.perf_counter(), time.process_time(), peak()
    if way == "ours":
        ours(folder, method, threads)
    else:
        plain(folder, method)
    result = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak(),
        "imports_mb": before,
    }
    print(json.dumps(result))


def largest_difference(folder: Path, method: str) -> tuple[float, float]:
    """Between both results: the largest difference, and the share of elements that differ at all."""
    from safetensors.torch import load_file

    first = load_file(folder / f"ours-{method}-1" / "model.safetensors")
    second = load_file(folder / f"plain-{method}" / "model.safetensors")
    worst = max(float((first[key].float() - second[key].float()).abs().max()) for key in first)
    unequal = sum(int((first[key] != second[key]).sum()) for key in first)
    return worst, unequal / sum(value.numel() for value in first.values())


def main() -> None:
    """Measure everything and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_child(name, "make", "-", "1")
        for model in ("base", "a", "b"):  # all runs find the files in the system's cache
            with (folder / model / "model.safetensors").open("rb") as stream:
                while stream.read(1 << 22):
                    pass
        print(f"135M Llama in bfloat16 (269 MB each), {os.cpu_count()} cores")
        print(f"{'method':8} {'way':16} {'seconds':>8} {'CPU s':>8} {'peak MB':>8} {'of imports':>10}")
        for method in ("slerp", "ties"):
            for way, threads in (("ours", 1), ("ours", 2), ("plain", 1)):
                found = measure(folder, way, method, threads)
                label = f"{way}, {threads} threads" if way == "ours" else "whole models"
                print(
                    f"{method:8} {label:16} {found['seconds']:8.2f} {found['cpu']:8.2f} "
                    f"{found['peak_mb']:8.0f} {found['imports_mb']:10.0f}"
                )
            worst, share = json.loads(in_child(name, "compare", method, "1"))
            print(f"{method:8} largest difference {worst:.2g}, {share:.2%} of elements differ")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
