"""Whether a folder can serve as a base at all: told when it is added, not when a run first needs it.

Weights are not needed for it: a download is looked at before they come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.errors import Words, reason_of
from engine.models.auto import auto_class
from engine.models.errors import ModelError, TemplateError
from engine.models.inspect import read_config, refuse_remote_code
from engine.models.template import load_template
from engine.models.tokenizer import VOCABULARIES
from engine.progress import Reporter, SilentReporter

#: What the name of a class ends with that predicts the next token, in transformers and in what descends from it.
_CAUSAL: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def require_usable(folder: Path, reporter: Reporter) -> None:
    """Refuse a model that transformers could never load as a causal language model.

    Raises:
        ModelError: It brings code of its own, is of another or an unknown architecture, has impossible sizes,
            a damaged tokenizer, or a chat template that is no template.
    """
    config = read_config(folder)
    refuse_remote_code(folder, config)
    _require_causal(folder, config)
    _require_tokenizer(folder, reporter)


def _require_causal(folder: Path, config: dict[str, Any]) -> None:
    config_class = auto_class("AutoConfig")  # first: what is imported below is found in what that leaves
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    try:
        known = config_class.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever a class of transformers makes of values it did not expect
        raise ModelError(
            "model.unknown_architecture",
            "transformers cannot make a model of {file}: {reason}.",
            fix="Use a model of an architecture that the transformers library knows.",
            file=str(folder / "config.json"),
            reason=reason_of(error),
        ) from error
    classes: set[str] = set()
    for names in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        classes.update((names,) if isinstance(names, str) else names)
    given = config.get("architectures") or []
    named = [str(name) for name in given] if isinstance(given, list) else [str(given)]
    causal = not named or any(name in classes or name.endswith(_CAUSAL) for name in named)
    if known.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or not causal:
        raise ModelError(
            "model.not_causal",
            "The model in {file} is no causal language model ({architecture}): it cannot continue a text.",
            fix="Choose a model for text generation.",
            file=str(folder),
            architecture=named[0] if named else known.model_type,
        )
    text = known.get_text_config()
    for name in ("vocab_size", "hidden_size", "num_hidden_layers"):
        size = getattr(text, name, None)
        if isinstance(size, int) and size <= 0:
            raise ModelError(
                "model.bad_config",
                "The file {file} gives the model a {size} of {value}.",
                fix="Download the model again.",
                file=str(folder / "config.json"),
                size=name,
                value=size,
            )


#: What a greeting says, to see whether the template passes it on.
_ASKED: Final = "What a fine morning"


def _require_tokenizer(folder: Path, reporter: Reporter) -> None:
    if not any(next(folder.glob(pattern), None) for pattern in VOCABULARIES):
        reporter.decision(
            "tokenizer", Words("none"), "the folder has none: the model can be merged, not trained or asked"
        )
        return
    template = load_template(folder, SilentReporter())
    try:
        rendered = template.prompt_text([{"role": "user", "content": _ASKED}])
        if _ASKED not in rendered:
            reporter.event(
                "warning",
                message=Words(
                    "The chat template leaves out what the user says: the model would answer blindly."
                ),
            )
    except TemplateError as error:
        # What a template says to a conversation may be right; what cannot even be read is not, nor what
        # one greeting lets work without end.
        if error.code != "template.fails":
            raise ModelError(
                "model.bad_template",
                "The chat template of {file} cannot be used: {reason}",
                fix="Download the model again, or correct its chat template.",
                file=str(folder),
                reason=error.message,
            ) from error
