"""From a planned tensor and the tensors it needs to its value: picks the method's function."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from engine.merging import methods, task_vectors
from engine.merging.errors import MergeError
from engine.merging.method_table import CONSENSUS_METHODS
from engine.merging.plan import TensorPlan
from engine.merging.task_vectors import Sparsifier


def generator_for(seed: int, tensor: str) -> np.random.Generator:
    """The random numbers of one tensor: they depend on seed and name, never on the order of the work."""
    digest = hashlib.sha256(f"{seed}\n{tensor}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def merge_tensor(
    method: str,
    plan: TensorPlan,
    base: torch.Tensor | None,
    tensors: list[torch.Tensor],
    seed: int,
) -> torch.Tensor:
    """Compute one output tensor.

    Args:
        method: The merge method.
        plan: The tensor's plan.
        base: The origin, where the method has one.
        tensors: The inputs, in the plan's order. May be overwritten, as may ``base``.
        seed: Of the merge.

    Returns:
        A tensor of the inputs' shape and type.
    """
    values = plan.parameters
    weights = [source.parameters.get("weight", 1.0) for source in plan.inputs]
    if method == "linear":
        return methods.linear(tensors, weights, normalize=bool(values["normalize"]))
    if method == "passthrough":
        return methods.scaled(tensors[0], scale=plan.inputs[0].parameters["scale"])
    if method == "nuslerp":
        return methods.nuslerp(
            tensors,
            weights,
            base=base,
            flatten=bool(values["nuslerp_flatten"]),
            row_wise=bool(values["nuslerp_row_wise"]),
        )
    if method == "multislerp":
        normalize = bool(values["normalize_weights"])
        return methods.multislerp(tensors, weights, base=base, normalize_weights=normalize)
    if method == "karcher":
        return methods.karcher(tensors, max_iter=int(values["max_iter"]), tol=values["tol"])
    if base is None:
        raise _without_base(method, plan)
    if method == "slerp":
        return methods.slerp(base, tensors[0], t=values["t"])
    if method == "model_stock":
        return methods.model_stock(base, tensors, filter_wise=bool(values["filter_wise"]))
    if method == "nearswap":
        return methods.nearswap(base, tensors[0], t=values["t"])
    if method == "sce":
        return methods.sce(base, tensors, select_topk=values["select_topk"])
    return task_vectors.task_arithmetic(
        base,
        tensors,
        weights,
        sparsifiers=_sparsifiers(method, plan, generator_for(seed, plan.output.name)),
        sign_consensus=method in CONSENSUS_METHODS,
        normalize=bool(values["normalize"]),
        rescale=bool(values["rescale"]),
        lam=values["lambda"],
    )


def agreed(plan: TensorPlan, tensors: list[torch.Tensor]) -> torch.Tensor:
    """The common value of tensors that cannot be averaged (whole numbers).

    Raises:
        MergeError: They are not all equal.
    """
    if any(not torch.equal(tensor, tensors[0]) for tensor in tensors[1:]):
        raise MergeError(
            "merge.integers_differ",
            "The tensor '{tensor}' holds whole numbers that differ between the models.",
            fix="Leave out the model in which it differs.",
            tensor=plan.output.name,
        )
    return tensors[0]


def _sparsifiers(method: str, plan: TensorPlan, generator: np.random.Generator) -> list[Sparsifier] | None:
    """One sparsifier per input; they draw from one generator, in the recipe's order."""
    if method == "task_arithmetic":
        return None
    chosen: list[Sparsifier] = []
    for source in plan.inputs:
        density = source.parameters["density"]
        if method == "ties":
            chosen.append(task_vectors.top_magnitudes(density))
        elif method in ("dare_linear", "dare_ties"):
            chosen.append(task_vectors.random_subset(density, generator))
        elif method in ("breadcrumbs", "breadcrumbs_ties"):
            chosen.append(task_vectors.without_extremes(density, source.parameters["gamma"]))
        else:
            chosen.append(task_vectors.ranked_subset(density, source.parameters["epsilon"], generator))
    return chosen


def _without_base(method: str, plan: TensorPlan) -> MergeError:
    return MergeError(
        "merge.base_missing",
        "The method {method} needs a base_model for the tensor '{tensor}'.",
        fix="Add 'base_model:' to the recipe.",
        method=method,
        tensor=plan.output.name,
    )
