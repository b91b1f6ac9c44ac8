"""Takes over a GGUF file that a converter of llama.cpp made of a model which cannot be exported here."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final

from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader

from engine.errors import Words
from engine.exporting.errors import ExportError, disk_errors
from engine.exporting.making import dataset_of, parity_texts
from engine.exporting.parity import compare_tokens
from engine.exporting.quantisations import QUANTISATIONS
from engine.exporting.spec import UNKNOWN, ExportSpec
from engine.files import replace, sha256_file, temporary_name
from engine.gguf_header import check_gguf
from engine.inference.errors import AnsweringError
from engine.inference.llama.model import LlamaModel
from engine.jobs.context import JobContext
from engine.models.library import ModelFiles
from engine.models.template import load_template

#: The share of weights that converters may add or leave out, such as frequencies of positions.
_OTHERS: Final = 0.02


def take_converted(context: JobContext, spec: ExportSpec, files: ModelFiles, out: Path) -> dict[str, Any]:
    """Copy the file to ``out``, seen to be one whose tokens are the model's.

    Args:
        context: Is told what was found, and may interrupt.
        spec: Names the file.
        files: The model that it was made of.
        out: A new file.

    Returns:
        What `engine.exporting.making.make_gguf` tells of a file.

    Raises:
        GgufError: It is no GGUF file, or a damaged one.
        ExportError: Its tokens or the number of its weights are not the model's, llama.cpp cannot load it, or the
            disk is full.
    """
    source = Path(str(spec.converted))
    settings = check_gguf(source)
    template = load_template(files.folder, context, fallback=files.base_folder)
    texts = parity_texts(template, dataset_of(context.workspace, spec, files))
    parity = compare_tokens(source, template.tokenizer, texts, template.text)
    if parity.different:
        raise ExportError(
            "export.converted_other",
            "{file} was not made of '{model}': {count} of {texts} texts become other tokens.",
            fix="Convert the model's own folder (bakeoff export {model} OUT --as merged), with its tokenizer.",
            file=str(source),
            model=files.name,
            count=len(parity.different),
            texts=parity.texts,
        )
    weights = _require_weights(source, files)
    if not parity.template:
        context.event(
            "warning",
            message=Words("The file's chat template is not the one that the model was trained with."),
        )
    context.check()
    temporary = temporary_name(out)
    try:
        with disk_errors(out, source.stat().st_size):
            shutil.copyfile(source, temporary)
            replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    tensors = GGUFReader(out).tensors
    return {
        "quantisation": _quantisation(settings.get("general.file_type")),
        "bytes": out.stat().st_size,
        "sha256": sha256_file(out),
        "bits_per_weight": round(8 * sum(int(tensor.n_bytes) for tensor in tensors) / max(1, weights), 2),
        "types": dict(Counter(Type(tensor.tensor_type).name for tensor in tensors)),
        "parity": parity.as_dict(),
    }


def _require_weights(source: Path, files: ModelFiles) -> int:
    """See that llama.cpp loads all of a file, and that it has as many weights as the model; returns how many.

    Another model of the same shape and tokens, such as another fine-tune of the same base, cannot be told by this.

    Raises:
        ExportError: It does not.
    """
    try:
        with LlamaModel(source):
            pass
    except AnsweringError as error:
        raise ExportError(
            "export.converted_broken",
            "llama.cpp reads the words of {file}, and cannot load its weights: {reason}",
            fix="Convert the model again.",
            file=str(source),
            reason=error,
        ) from error
    weights = sum(int(tensor.n_elements) for tensor in GGUFReader(source).tensors)
    # A matrix that input and output share may stand there twice, or once where the model's files have two.
    shared = files.info.vocabulary * files.info.hidden
    if abs(weights - files.info.parameters) > shared + _OTHERS * files.info.parameters:
        raise ExportError(
            "export.converted_size",
            "{file} was not made of '{model}': it has {count:,} weights, and the model {expected:,}.",
            fix="Convert the model's own folder (bakeoff export {model} OUT --as merged), with its tokenizer.",
            file=str(source),
            model=files.name,
            count=weights,
            expected=files.info.parameters,
        )
    return weights


def _quantisation(file_type: Any) -> str:
    """The name of the quantisation that a header notes by its number."""
    return next((one.name for one in QUANTISATIONS.values() if one.file_type == file_type), UNKNOWN)
