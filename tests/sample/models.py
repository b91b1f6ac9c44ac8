"""The models of the sample workspace: four bases, two merges, their fine-tunes and GGUF files, none with weights.

The weights' files have true headers and are as long as they would be, with nothing written into them, so that they
take no room on a disk that knows files with holes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from math import prod
from pathlib import Path
from typing import Any, Final

from engine.datasets import DatasetStore
from engine.models.inspect import inspect_folder
from engine.models.library import find_model, set_default_base
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewExport, NewModel, NewParent, adopt
from engine.workspace.tables import Export, Model
from tests.sample.names import BASES, MERGES, PARENTS, SEALED, TASKS, tuned
from tests.sample.times import row_time
from tests.tiny import tiny_model

#: Sizes of a model of 360 million weights.
_HIDDEN: Final = 960
_LAYERS: Final = 32
_VOCABULARY: Final = 49152
_GGUF_BYTES: Final = {"q8_0": 386_404_992, "q4_k_m": 270_590_880}


def add_models(workspace: Workspace) -> dict[str, str]:
    """Add them all, oldest first; returns the hash of each one's weights."""
    hashes: dict[str, str] = {}
    minutes = 400.0
    for name in BASES:
        _add_whole(workspace, name, "base", [], {}, hashes, minutes := minutes - 1)
    for name in BASES:
        for task in TASKS:
            _add_adapter(workspace, name, task, hashes, minutes := minutes - 9)
    for name, method in MERGES.items():
        recipe = {"recipe": {"merge_method": method}}
        _add_whole(workspace, name, "merge", list(PARENTS), recipe, hashes, minutes := minutes - 4)
    for name in MERGES:
        for task in TASKS:
            _add_adapter(workspace, name, task, hashes, minutes := minutes - 9)
    for name in (BASES[0], next(iter(MERGES))):
        _add_adapter(workspace, name, SEALED, hashes, minutes := minutes - 9)
    best = tuned(next(iter(MERGES)), TASKS[0])
    for name, quantisation in (
        (tuned(BASES[0], TASKS[2]), "q8_0"),
        (tuned(next(iter(MERGES)), TASKS[2]), "q8_0"),
        (best, "q8_0"),
        (best, "q4_k_m"),
    ):
        _export(workspace, name, quantisation, minutes := minutes - 1)
    set_default_base(workspace, find_model(workspace, next(iter(MERGES))))
    return hashes


def digest(text: str) -> str:
    """A hash that stands for a file's."""
    return hashlib.sha256(text.encode()).hexdigest()


def _add_whole(
    workspace: Workspace,
    name: str,
    kind: Any,
    parents: list[str],
    recipe: dict[str, Any],
    hashes: dict[str, str],
    minutes: float,
) -> None:
    folder = workspace.models / name
    tiny_model(folder, hidden=16, layers=1)  # for its tokenizer
    config = json.loads((folder / "config.json").read_text(encoding="utf-8")) | {
        "hidden_size": _HIDDEN,
        "intermediate_size": 2560,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": 15,
        "num_key_value_heads": 5,
        "head_dim": 64,
        "vocab_size": _VOCABULARY,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    _write_weights(folder / "model.safetensors", _shapes())
    info = inspect_folder(folder)
    hashes[name] = digest(name)
    new = NewModel(
        id=name,
        name=name,
        kind=kind,
        folder=workspace.relative(folder),
        weights_sha256=hashes[name],
        info=info.model_dump(mode="json"),
        recipe=recipe,
        parents=[NewParent(name=one, sha256=hashes[one], id=one) for one in parents],
    )
    _adopt(workspace, name, Adoption(models=[new]))
    _date(workspace, Model, name, minutes)


def _add_adapter(workspace: Workspace, base: str, task: str, hashes: dict[str, str], minutes: float) -> None:
    name = tuned(base, task)
    folder = workspace.models / name
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 16}), encoding="utf-8")
    with (folder / "adapter_model.safetensors").open("wb") as stream:
        stream.truncate(17_400_000)
    hashes[name] = digest(name)
    new = NewModel(
        id=name,
        name=name,
        kind="adapter",
        folder=workspace.relative(folder),
        weights_sha256=hashes[name],
        recipe={
            "base": {"name": base, "sha256": hashes[base]},
            "dataset": {
                "name": task,
                "sha256": DatasetStore(workspace.datasets / f"{task}-1").content_sha256,
            },
        },
        parents=[NewParent(name=base, sha256=hashes[base], id=base)],
    )
    _adopt(workspace, name, Adoption(models=[new]))
    _date(workspace, Model, name, minutes)


def _export(workspace: Workspace, name: str, quantisation: str, minutes: float) -> None:
    file = workspace.exports / f"{name}-{quantisation}" / f"{name}-{quantisation}.gguf"
    file.parent.mkdir()
    with file.open("wb") as stream:
        stream.truncate(_GGUF_BYTES[quantisation])
    made = find_model(workspace, name).identity
    new = NewExport(
        id=file.stem,
        model_id=name,
        made_of=made,
        quantisation=quantisation,
        file=workspace.relative(file),
        sha256=digest(file.name),
        info={"bytes": _GGUF_BYTES[quantisation], "written_ns": file.stat().st_mtime_ns},
    )
    _adopt(workspace, file.stem, Adoption(exports=[new]))
    _date(workspace, Export, new.id, minutes)


def _date(workspace: Workspace, table: type[Model] | type[Export], number: str, minutes: float) -> None:
    with workspace.catalogue.writing() as rows:
        rows.get_one(table, number).created_at = row_time(minutes)


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(
        workspace.catalogue, job_id=f"make-{job}", kind="train", title=job, study=None, summary={}, what=what
    )


def _shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors."""
    wide, narrow = 2560, 320
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (_VOCABULARY, _HIDDEN)}
    for layer in range(_LAYERS):
        start = f"model.layers.{layer}."
        found |= {
            f"{start}self_attn.q_proj.weight": (_HIDDEN, _HIDDEN),
            f"{start}self_attn.k_proj.weight": (narrow, _HIDDEN),
            f"{start}self_attn.v_proj.weight": (narrow, _HIDDEN),
            f"{start}self_attn.o_proj.weight": (_HIDDEN, _HIDDEN),
            f"{start}mlp.gate_proj.weight": (wide, _HIDDEN),
            f"{start}mlp.up_proj.weight": (wide, _HIDDEN),
            f"{start}mlp.down_proj.weight": (_HIDDEN, wide),
            f"{start}input_layernorm.weight": (_HIDDEN,),
            f"{start}post_attention_layernorm.weight": (_HIDDEN,),
        }
    return found | {"model.norm.weight": (_HIDDEN,)}


def _write_weights(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of bfloat16 tensors that were never written."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)
