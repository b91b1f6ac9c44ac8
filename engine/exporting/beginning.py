"""Whether llama.cpp, left to itself, would put a token before prompts that the model has never seen there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.errors import Words
from engine.exporting.parity import token_before_prompts
from engine.exporting.plan import GgufPlan
from engine.exporting.writing import write_gguf
from engine.progress import Reporter

if TYPE_CHECKING:
    from engine.models.template import ChatTemplate


@dataclass(frozen=True)
class Beginning:
    """How prompts begin.

    Attributes:
        token: What llama.cpp puts before every prompt of the file; empty: nothing.
        add: What the file has to say about it; None: the tokenizer's own setting is right.
    """

    token: str
    add: bool | None


def begin_prompts(plan: GgufPlan, template: ChatTemplate, reporter: Reporter) -> Beginning:
    """Settle how prompts begin, so that a program that leaves the first token to llama.cpp begins as training did.

    Where the chat template begins with that token, such programs leave it out of the text; where the template has
    none, the file must not ask for it.
    """
    with TemporaryDirectory(prefix="bakeoff-") as folder:
        file = Path(folder, "vocabulary.gguf")
        write_gguf(replace(plan, tensors=()), file, name="vocabulary", chat_template=template.text, threads=1)
        token = token_before_prompts(file)
    if not token or template.prompt_text([{"role": "user", "content": "x"}]).startswith(token):
        return Beginning(token, None)
    reporter.decision(
        "first_token",
        Words("none"),
        Words("llama.cpp would begin with {token}, which the chat template does not have", token=token),
    )
    return Beginning("", False)
