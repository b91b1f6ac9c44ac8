"""Folds a LoRA adapter into its base while the base's tensors stream past."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import Words
from engine.files import folder_bytes, new_folder
from engine.progress import Reporter, SilentReporter
from engine.weights.adapter import LoraAdapter, LoraUpdate
from engine.weights.errors import WeightsError, disk_errors
from engine.weights.formats import (
    FLOAT_CODES,
    PlannedTensor,
    Rows,
    dtype_code,
    dtype_name,
    rows_of,
    torch_dtype,
)
from engine.weights.heads import EMBEDDING_ENDINGS, HEAD_ENDINGS, head_of, is_tied
from engine.weights.model_folder import (
    CONFIG,
    GENERATION_CONFIG,
    TOKENIZER_FILES,
    config_dtype,
    copy_generation_config,
    copy_tokenizer,
    drop_remote_code,
    read_config,
    set_config_dtype,
    text_config,
    write_config,
)
from engine.weights.reader import WeightsReader
from engine.weights.writer import SHARD_BYTES, WeightsWriter, planned_files

if TYPE_CHECKING:
    import torch

_WEIGHT: Final = ".weight"


class FoldedReader:
    """A base's tensors with an adapter folded in; looks like a `WeightsReader`.

    A tensor that the adapter changes is read as float32, unrounded; `dtype` still names the type in
    which the base stores it. An adapter that changes only one of a tied embedding and head unties them:
    the model that was trained had two different matrices there.

    Args:
        base_folder: The base.
        adapter_folder: The adapter.
        hashing: See `WeightsReader`.

    Attributes:
        untied: The adapter untied the head from the embedding.
        resized: The adapter brings an embedding of another size.

    Raises:
        WeightsError: One of both cannot be read, or the adapter does not fit the base.
    """

    def __init__(self, base_folder: Path, adapter_folder: Path, *, hashing: bool = False) -> None:
        self.base = WeightsReader(base_folder, hashing=hashing)
        self.adapter = LoraAdapter(adapter_folder, hashing=hashing)
        self._source: dict[str, str] = {name: name for name in self.base.names()}
        self._updates: dict[str, LoraUpdate] = {}
        self._replacements: dict[str, str] = {}
        self.untied = self._untie(read_config(base_folder))
        self.resized = False
        for wanted, stored in self.adapter.replacements.items():
            name = self._find(wanted)
            if not name.endswith(EMBEDDING_ENDINGS + HEAD_ENDINGS):
                self._require_shape(name, self.adapter.reader.shape(stored))
            self.resized |= self.adapter.reader.shape(stored) != self.shape(name)
            self._replacements[name] = stored
        for update in self.adapter.updates.values():
            name = self._find(update.module + _WEIGHT)
            self._require_shape(name, self.adapter.delta_shape(update))
            self._updates[name] = update

    @property
    def folder(self) -> Path:
        """Where the base lies."""
        return self.base.folder

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer lies: an adapter that resized the vocabulary comes with its own."""
        own = self.resized and (self.adapter.folder / "tokenizer_config.json").is_file()
        return self.adapter.folder if own else self.base.folder

    @property
    def changed(self) -> int:
        """How many tensors the adapter changes."""
        return len(self._updates.keys() | self._replacements.keys())

    def names(self) -> list[str]:
        """Names of all tensors, sorted."""
        return sorted(self._source)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        if name in self._replacements:
            return self.adapter.reader.shape(self._replacements[name])
        return self.base.shape(self._source.get(name, name))

    def dtype(self, name: str) -> str:
        """Code of the type in which the base stores a tensor."""
        return self.base.dtype(self._source.get(name, name))

    def read(self, name: str) -> torch.Tensor:
        """The tensor with the adapter folded in (float32 where the adapter changes it)."""
        # PEFT saves an embedding whole beside its low-rank update: first the one, then the other.
        if name in self._replacements:
            tensor = self.adapter.reader.read(self._replacements[name]).float()
        else:
            tensor = self.base.read(self._source.get(name, name))
        if name in self._updates:
            tensor = tensor.float().add_(self.adapter.delta(self._updates[name]))
        return tensor

    def rows(self, name: str) -> Rows:
        """Reads some rows of a tensor at a time, as `read` has them; one with a low-rank update is made at once."""
        if name in self._updates:
            return rows_of(self.read(name))
        if name in self._replacements:
            stored = self.adapter.reader.rows(self._replacements[name])
            return lambda first, last: stored(first, last).float()
        return self.base.rows(self._source.get(name, name))

    def files(self) -> list[Path]:
        """The files of base and adapter that hold the tensors."""
        return [*self.base.files(), *self.adapter.reader.files()]

    def sha256(self) -> str:
        """Hash of base and adapter together: both content hashes and the config that scales them."""
        config = json.dumps(self.adapter.config, sort_keys=True, ensure_ascii=False)
        parts = (self.base.sha256(), self.adapter.reader.sha256(), config)
        return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()

    def _find(self, wanted: str) -> str:
        """The base's name for a tensor; checkpoints differ in whether ``model.`` stands in front."""
        for name in (wanted, wanted.removeprefix("model."), f"model.{wanted}"):
            if name in self._source:
                return name
        raise WeightsError(
            "adapter.module_unknown",
            "The adapter {adapter} changes '{tensor}', which the base {file} does not have.",
            fix="Use the base that the adapter was trained on.",
            file=str(self.base.folder),
            adapter=str(self.adapter.folder),
            tensor=wanted,
        )

    def _require_shape(self, name: str, shape: tuple[int, ...]) -> None:
        if self.shape(name) != shape:
            raise WeightsError(
                "adapter.shape_mismatch",
                "The adapter {adapter} does not fit {file}: '{tensor}' is {have} there, not {want}.",
                fix="Use the base that the adapter was trained on.",
                file=str(self.base.folder),
                adapter=str(self.adapter.folder),
                tensor=name,
                have=str(self.shape(name)),
                want=str(shape),
            )

    def _untie(self, config: dict[str, Any]) -> bool:
        """Give a tied model a head tensor of its own where the adapter changes embedding or head."""
        if not is_tied(config, self.base.names()):
            return False
        changed = {module + _WEIGHT for module in self.adapter.updates} | set(self.adapter.replacements)
        if not any(name.endswith(EMBEDDING_ENDINGS + HEAD_ENDINGS) for name in changed):
            return False
        embedding, head = head_of(self.base.names())
        if embedding is None:
            return False
        self._source[head] = embedding
        return True


@dataclass(frozen=True)
class Folded:
    """What `fold_adapter` made.

    Attributes:
        folder: The model's folder.
        content_sha256: Content hash of the new weights.
        base_sha256: Content hash of the base.
        adapter_sha256: Content hash of the adapter.
        nbytes: Bytes of the folder.
    """

    folder: Path
    content_sha256: str
    base_sha256: str
    adapter_sha256: str
    nbytes: int


def fold_adapter(
    base_folder: Path,
    adapter_folder: Path,
    out_folder: Path,
    reporter: Reporter | None = None,
    *,
    dtype: str | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Folded:
    """Write ``base + adapter`` as a complete model folder, tensor by tensor.

    Args:
        base_folder: A Hugging Face folder with safetensors.
        adapter_folder: A PEFT LoRA adapter.
        out_folder: Must not exist yet; appears only when all is written.
        reporter: Told of every tensor.
        dtype: Element type to store floating-point tensors in (``"bfloat16"``); None for the base's.
        shard_bytes: Most bytes per file.

    Raises:
        WeightsError: Base or adapter cannot be used, they do not fit, or the disk is full.
        FileError: ``out_folder`` exists.
    """
    listener = reporter if reporter is not None else SilentReporter()
    source = FoldedReader(base_folder, adapter_folder, hashing=True)
    config = copy.deepcopy(read_config(base_folder))
    code = _stored_as(config, dtype)
    plan = [_planned(source, name, code) for name in source.names()]
    with disk_errors(out_folder), new_folder(out_folder) as folder:
        with WeightsWriter(folder, plan, shard_bytes=shard_bytes) as writer:
            for done, tensor in enumerate(plan, start=1):
                listener.check()
                writer.write(tensor.name, source.read(tensor.name).to(torch_dtype(tensor.dtype)))
                listener.progress(done, len(plan), "tensors")
        if drop_remote_code(config):
            listener.decision("remote code", Words("dropped"), "The config asked to run Python files.")
        if source.untied:
            _set_untied(config)
            listener.decision("tied head", Words("untied"), "The adapter changes only embedding or head.")
        if code is not None:
            set_config_dtype(config, dtype_name(code))
        _set_vocabulary(config, source)
        write_config(folder, config)
        copy_generation_config(base_folder, folder)
        copy_tokenizer(source.tokenizer_folder, folder)
        template = adapter_folder / "chat_template.jinja"
        if template.is_file():  # the one that the adapter was trained with
            shutil.copyfile(template, folder / template.name)
    return Folded(
        folder=out_folder,
        content_sha256=writer.sha256(),
        base_sha256=source.base.sha256(),
        adapter_sha256=source.adapter.reader.sha256(),
        nbytes=folder_bytes(out_folder),
    )


def folded_files(base_folder: Path, adapter_folder: Path) -> dict[str, int]:
    """Names of the files that `fold_adapter` would write with nothing else said, and the bytes of each.

    Those of the weights are exact; a config may get a few bytes more or less where it has to say something else.

    Raises:
        WeightsError: Base or adapter cannot be used, or they do not fit.
    """
    source = FoldedReader(base_folder, adapter_folder)
    code = _stored_as(read_config(base_folder), None)
    found = planned_files(_planned(source, name, code) for name in source.names())
    beside = [base_folder / name for name in (CONFIG, GENERATION_CONFIG)]
    beside += [source.tokenizer_folder / name for name in TOKENIZER_FILES]
    beside += [adapter_folder / "chat_template.jinja"]
    return found | {file.name: file.stat().st_size for file in beside if file.is_file()}


def _stored_as(config: dict[str, Any], dtype: str | None) -> str | None:
    """Code of the type in which a folded model is stored; None for that of each tensor."""
    wanted = dtype if dtype is not None else config_dtype(config)
    return None if wanted is None else dtype_code(wanted)


def _planned(source: FoldedReader, name: str, code: str | None) -> PlannedTensor:
    stored = source.dtype(name)
    floating = stored in FLOAT_CODES
    return PlannedTensor(name, code if code is not None and floating else stored, source.shape(name))


def _set_untied(config: dict[str, Any]) -> None:
    config["tie_word_embeddings"] = False
    if "tie_word_embeddings" in text_config(config):
        text_config(config)["tie_word_embeddings"] = False


def _set_vocabulary(config: dict[str, Any], source: FoldedReader) -> None:
    embedding, _ = head_of(source.names())
    if source.resized and embedding is not None:
        text_config(config)["vocab_size"] = source.shape(embedding)[0]
