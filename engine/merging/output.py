"""The files beside the tensors of a merge: a config that tells the truth, tokenizer, provenance."""

from __future__ import annotations

import copy
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import engine
from engine.files import sha256_file, write_json
from engine.merging.inputs import LAYER_KEYS, ModelInput
from engine.merging.layer_lists import layer_lists
from engine.merging.plan import MergePlan
from engine.merging.vocabulary import write_tokenizer
from engine.weights.formats import dtype_name
from engine.weights.heads import EMBEDDING_ENDINGS
from engine.weights.model_folder import (
    copy_generation_config,
    copy_tokenizer,
    drop_remote_code,
    set_config_dtype,
    text_config,
    write_config,
)

#: Name of the file that says how a model was made.
PROVENANCE = "bakeoff.json"
_TOKEN_KEYS = ("bos_token_id", "eos_token_id", "pad_token_id")


def merged_config(plan: MergePlan) -> dict[str, Any]:
    """The reference's config with what the merge changed: layers, element type, head, vocabulary."""
    config = copy.deepcopy(plan.reference.config)
    config.pop("_name_or_path", None)
    drop_remote_code(config)
    inner = text_config(config)
    for key, values in layer_lists(plan).items():
        if values is None:
            del inner[key]
        else:
            inner[key] = values
    for key in LAYER_KEYS:
        if key in inner:
            inner[key] = plan.layers
    config["tie_word_embeddings"] = plan.tied
    if "tie_word_embeddings" in inner:
        inner["tie_word_embeddings"] = plan.tied
    rows = _embedding_rows(plan)
    if rows is not None:
        inner["vocab_size"] = rows
    if plan.vocabulary is not None:
        giver = _tokenizer_giver(plan)
        if giver is not None and giver is not plan.reference:
            theirs = text_config(giver.config)
            inner.update({key: theirs[key] for key in _TOKEN_KEYS if key in theirs})
    set_config_dtype(config, dtype_name(plan.dtype))
    return config


def write_companions(plan: MergePlan, folder: Path) -> None:
    """Write config, generation config and tokenizer into the new model's folder."""
    write_config(folder, merged_config(plan))
    giver = _tokenizer_giver(plan)
    copy_generation_config((giver or plan.reference).folder, folder)
    if plan.vocabulary is not None:
        write_tokenizer(plan.vocabulary, folder)
    else:
        copy_tokenizer(plan.reference.tokenizer_folder, folder)


def parents_of(plan: MergePlan) -> list[dict[str, Any]]:
    """The merged models with their hashes.

    ``sha256`` is that of the content (`engine.weights.WeightsReader.sha256`): it stays the same when a
    model is sharded anew. ``files`` are those of the files, which ``sha256sum`` and hubs know.
    """
    from engine.weights.folding import FoldedReader

    parents = []
    for model in plan.models.values():
        entry: dict[str, Any] = {"model": model.label, "sha256": model.source.sha256()}
        if isinstance(model.source, FoldedReader):
            entry["base_sha256"] = model.source.base.sha256()
            entry["adapter_sha256"] = model.source.adapter.reader.sha256()
        entry["files"] = {file.name: sha256_file(file) for file in model.source.files()}
        parents.append(entry)
    return parents


def write_provenance(
    folder: Path, plan: MergePlan, parents: list[dict[str, Any]], *, seed: int, content_sha256: str
) -> dict[str, Any]:
    """Write ``bakeoff.json``: all that is needed to make the same tensors again. Holds no date or path."""
    content = {
        "kind": "merge",
        "recipe": plan.recipe.as_dict(),
        "parents": parents,
        "seed": seed,
        "arithmetic": plan.recipe.arithmetic,
        "dtype": dtype_name(plan.dtype),
        "content_sha256": content_sha256,
        "versions": {
            "bakeoff": engine.__version__,
            "torch": importlib.metadata.version("torch"),
            "python": platform.python_version(),
        },
    }
    write_json(folder / PROVENANCE, content, durable=False)
    return content


def _tokenizer_giver(plan: MergePlan) -> ModelInput | None:
    """The model whose tokenizer the output has; None where it is not among the merged ones."""
    if plan.vocabulary is None:
        return plan.reference
    folders = {model.tokenizer_folder: model for model in plan.models.values()}
    return folders.get(plan.vocabulary.source)


def _embedding_rows(plan: MergePlan) -> int | None:
    """Rows of the output's input embedding; None where it has none that is known."""
    for tensor in plan.tensors:
        if tensor.output.name.endswith(EMBEDDING_ENDINGS):
            return tensor.output.shape[0]
    return None
