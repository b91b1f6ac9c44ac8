"""Executes a merge, tensor by tensor: memory holds what one output tensor needs, per thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.files import folder_bytes, new_folder
from engine.merging.compute import agreed, merge_tensor
from engine.merging.errors import MergeError
from engine.merging.forecast import work_of
from engine.merging.method_table import RANDOM_METHODS
from engine.merging.output import parents_of, write_companions, write_provenance
from engine.merging.plan import MergePlan, TensorInput, TensorPlan
from engine.merging.preflight import check
from engine.merging.recipe import Recipe
from engine.merging.references import Resolve
from engine.merging.spheres import pieces
from engine.merging.tokens import align_rows, ownerless_rows
from engine.progress import Reporter, SilentReporter
from engine.weights import WeightsWriter
from engine.weights.errors import disk_errors
from engine.weights.formats import dtype_name, torch_dtype
from engine.weights.model_folder import config_dtype
from engine.weights.writer import SHARD_BYTES


@dataclass(frozen=True)
class MergeResult:
    """What a merge made.

    Attributes:
        folder: The new model.
        tensors: Number of tensors.
        parameters: Number of elements in them.
        nbytes: Bytes of the folder.
        seconds: Time it took.
        work: Numbers that were read and written (see `engine.merging.forecast.work_of`).
        provenance: The content of its ``bakeoff.json``.
        warnings: What the pre-flight warned of.
    """

    folder: Path
    tensors: int
    parameters: int
    nbytes: int
    seconds: float
    work: int
    provenance: dict[str, Any]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "folder": str(self.folder),
            "tensors": self.tensors,
            "parameters": self.parameters,
            "bytes": self.nbytes,
            "seconds": round(self.seconds, 3),
            "dtype": self.provenance["dtype"],
            "seed": self.provenance["seed"],
            "content_sha256": self.provenance["content_sha256"],
            "parents": self.provenance["parents"],
            "warnings": list(self.warnings),
        }


def merge(
    recipe: Recipe,
    out: Path,
    *,
    seed: int = 42,
    resolve: Resolve | None = None,
    recipe_file: Path | None = None,
    working_folder: Path | None = None,
    reporter: Reporter | None = None,
    threads: int = 2,
    shard_bytes: int = SHARD_BYTES,
) -> MergeResult:
    """Merge models into a complete model folder.

    Args:
        recipe: What to do.
        out: The new folder; must not exist yet, and appears only when all is written.
        seed: Of the methods that draw random numbers. The same seed gives the same tensors, whatever the
            number of threads.
        resolve: Finds models by name (see `engine.merging.references.Locator`).
        recipe_file: Where the recipe lies; relative paths are also tried from there.
        working_folder: Where relative paths begin; by default the current folder.
        reporter: Told of decisions, warnings and every tensor.
        threads: Tensors computed at a time; each needs memory of its own.
        shard_bytes: Most bytes per file.

    Raises:
        MergeError: The recipe cannot be carried out with these models, ``out`` exists, or the disk is too
            small.
        WeightsError: A model cannot be read, or the disk is full.
    """
    started = time.monotonic()
    listener = reporter if reporter is not None else SilentReporter()
    preflight = check(
        recipe, resolve=resolve, recipe_file=recipe_file, working_folder=working_folder, out=out
    )
    for finding in preflight.warnings:
        listener.event("warning", **finding.as_dict())
    plan = preflight.require()
    _tell_decisions(plan, seed, listener)
    with disk_errors(out), new_folder(out) as folder:
        outputs = [tensor.output for tensor in plan.tensors]
        with WeightsWriter(folder, outputs, shard_bytes=shard_bytes) as writer:
            _run(plan, writer, seed, threads, listener)
        write_companions(plan, folder)
        provenance = write_provenance(
            folder, plan, parents_of(plan), seed=seed, content_sha256=writer.sha256()
        )
    result = MergeResult(
        folder=out,
        tensors=len(plan.tensors),
        parameters=sum(tensor.output.nbytes // tensor.output.nbytes_per_element for tensor in plan.tensors),
        nbytes=folder_bytes(out),
        seconds=time.monotonic() - started,
        work=work_of(plan),
        provenance=provenance,
        warnings=tuple(finding.message for finding in preflight.warnings),
    )
    listener.event("merge.done", tensors=result.tensors, bytes=result.nbytes, seconds=result.seconds)
    return result


def compute_tensor(plan: MergePlan, tensor: TensorPlan, seed: int) -> torch.Tensor:
    """Read what one output tensor needs, compute it, and round it to the type of storage.

    Raises:
        MergeError: The result holds NaN or infinity.
    """
    if tensor.copied:
        return agreed(tensor, [_read(plan, source) for source in tensor.sources])
    method = plan.recipe.merge_method
    if method == "passthrough" and tensor.inputs[0].parameters["scale"] == 1.0 and not tensor.by_token:
        result = _read(plan, tensor.inputs[0])  # a copy needs no arithmetic
    else:
        values = _aligned(plan, tensor)
        base = values.pop(0) if tensor.origin is not None else None
        result = merge_tensor(method, tensor, base, values, seed)
    stored = result.to(torch_dtype(tensor.output.dtype))
    _require_finite(stored, tensor)
    return stored


def _aligned(plan: MergePlan, tensor: TensorPlan) -> list[torch.Tensor]:
    """The sources of a tensor in the type of the arithmetic, their rows in the output's order of tokens."""
    dtype = _arithmetic(plan)
    values = [_read(plan, source).to(dtype) for source in tensor.sources]
    if plan.vocabulary is None or not tensor.by_token:
        return values
    order = list(plan.models)
    owners = [source.model for source in tensor.sources]
    # A token of a model that does not take part here still needs that model's row.
    for reference, model in plan.models.items():
        name = model.stored_name(tensor.output.name)
        if reference not in owners and name in model.names:
            values.append(_read(plan, TensorInput(reference, name, {})).to(dtype))
            owners.append(reference)
    base = plan.recipe.base_model
    aligned = align_rows(
        values,
        plan.vocabulary,
        [order.index(owner) for owner in owners],
        owners.index(base) if base is not None and base in owners else None,
    )
    return aligned[: len(tensor.sources)]


def _arithmetic(plan: MergePlan) -> torch.dtype:
    """float32 unless the recipe asks for the type of storage, or stores doubles."""
    named = plan.recipe.dtype or dtype_name(plan.dtype)
    if plan.recipe.arithmetic == "dtype" or named == "float64":
        dtype: torch.dtype = getattr(torch, named)
        return dtype
    return torch.float32


def _read(plan: MergePlan, source: TensorInput) -> torch.Tensor:
    return plan.models[source.model].source.read(source.name)


def _run(plan: MergePlan, writer: WeightsWriter, seed: int, threads: int, listener: Reporter) -> None:
    """Compute all tensors, at most ``threads`` at a time, and write them in the plan's order."""
    total = len(plan.tensors)
    upcoming = iter(plan.tensors)
    waiting: deque[tuple[TensorPlan, Future[torch.Tensor]]] = deque()
    with one_core_per_tensor(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        try:
            for done in range(1, total + 1):
                listener.check()
                while len(waiting) < max(1, threads) and (following := next(upcoming, None)) is not None:
                    waiting.append((following, pool.submit(compute_tensor, plan, following, seed)))
                tensor, future = waiting.popleft()
                writer.write(tensor.output.name, future.result())
                del future
                listener.progress(done, total, "tensors", tensor=tensor.output.name)
        finally:
            for _, future in waiting:
                future.cancel()


@contextmanager
def one_core_per_tensor() -> Iterator[None]:
    """Let torch use one core per operation while tensors are computed side by side.

    Sharing each operation among cores costs a barrier per operation, which is most of the time when
    operations take microseconds or other programs are busy.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tell_decisions(plan: MergePlan, seed: int, listener: Reporter) -> None:
    recipe = plan.recipe
    listener.event(
        "merge.plan",
        method=recipe.merge_method,
        models=[model.label for model in plan.models.values()],
        layers=plan.layers,
        tensors=len(plan.tensors),
        bytes=plan.nbytes,
    )
    if recipe.base_model is None:
        listener.decision(
            "config and tokenizer",
            plan.reference.label,
            "The recipe names no base_model; it lists this first.",
        )
    if recipe.dtype is None and recipe.out_dtype is None:
        claimed = config_dtype(plan.reference.config) == dtype_name(plan.dtype)
        reason = (
            "The recipe names none; the config has this one."
            if claimed
            else "The recipe names none; the tensors are stored in this one."
        )
        listener.decision("dtype", dtype_name(plan.dtype), reason)
    if _arithmetic(plan) is torch.float32 and recipe.dtype not in (None, "float32"):
        listener.decision("arithmetic", "float32", "Results are rounded once, to the type of storage.")
    if recipe.merge_method in RANDOM_METHODS:
        listener.decision("seed", seed, "The method drops changes at random.")
    if plan.vocabulary is not None:
        listener.decision(
            "vocabulary",
            plan.vocabulary.rows,
            "The recipe chooses a tokenizer.",
            added=len(plan.vocabulary.added),
            rows_of_no_model=ownerless_rows(plan.vocabulary),
        )


def _require_finite(tensor: torch.Tensor, plan: TensorPlan) -> None:
    if not tensor.dtype.is_floating_point:
        return
    for (part,) in pieces(tensor.contiguous()):
        if not np.isfinite(part.to(torch.float32).numpy()).all():
            raise MergeError(
                "merge.not_finite",
                "The merged tensor '{tensor}' holds values that are no numbers or too large for {dtype}.",
                fix="Check the parents for damage, or store in bfloat16 or float32.",
                tensor=plan.output.name,
                dtype=dtype_name(plan.output.dtype),
            )
