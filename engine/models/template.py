"""One rendering of conversations for training and generation: the tokenizer's own chat template.

The prompt and the answer are tokenised separately, exactly as at generation time: there the model sees
the prompt's ids and continues with the answer's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from engine.models.errors import TemplateError
from engine.progress import Reporter
from engine.resources import resource

#: Files that together are a tokenizer; copied verbatim from the base to whatever is made of it.
TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
)

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Rendered:
    """A conversation in tokens.

    Attributes:
        ids: Token ids of prompt and answer.
        prompt_length: How many of them are the prompt; the rest, ending with a stop token, is trained.
    """

    ids: list[int]
    prompt_length: int


class ChatTemplate:
    """Renders conversations for one model.

    Args:
        tokenizer: A transformers tokenizer (see `load_template`).
        template: The Jinja text in use.
    """

    def __init__(self, tokenizer: Any, template: str, *, system_in_user: bool) -> None:
        self.tokenizer = tokenizer
        self.text = template
        self.sha256 = hashlib.sha256(template.encode("utf-8")).hexdigest()
        #: The template has no system role: system text goes before the first user message.
        self.system_in_user = system_in_user

    @cached_property
    def stop_ids(self) -> list[int]:
        """Tokens that end an answer: end of sequence, and whatever the template puts after an answer."""
        found = [self.tokenizer.eos_token_id] if self.tokenizer.eos_token_id is not None else []
        opening = self._text([{"role": "user", "content": "x"}], None, opening=True)
        whole = self._text([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], None)
        if whole.startswith(opening):
            tail = whole[len(opening) :].partition("y")[2]
            ids = self._ids(tail.lstrip())
            special = set(self.tokenizer.all_special_ids)
            if ids and ids[0] in special and ids[0] not in found:
                found.append(ids[0])
        return found

    @property
    def renders_tools(self) -> bool:
        """Whether the template shows tools and tool calls to the model."""
        return "tools" in self.text and "tool_calls" in self.text

    def prompt_text(self, messages: Messages, tools: Any = None) -> str:
        """The text that the model continues."""
        return self._text(messages, tools, opening=True)

    def prompt_ids(self, messages: Messages, tools: Any = None) -> list[int]:
        """The tokens that the model continues."""
        return self._ids(self.prompt_text(messages, tools))

    def render(self, messages: Messages, tools: Any = None) -> Rendered:
        """A whole example, its last message being the answer.

        Raises:
            TemplateError: The template cannot render it, or renders the prompt differently once an
                answer follows, so that training and generation would not see the same tokens.
        """
        opening = self.prompt_text(messages[:-1], tools)
        whole = self._text(messages, tools)
        if not whole.startswith(opening):
            raise TemplateError(
                "template.prompt_changes",
                "The chat template renders the prompt differently once an answer follows.",
                fix="Choose another model, or its instruct version.",
            )
        prompt = self._ids(opening)
        answer = self._ids(whole[len(opening) :])
        stops = [position for position, token in enumerate(answer) if token in self.stop_ids]
        if stops:
            answer = answer[: stops[-1] + 1]
        elif self.stop_ids:
            answer = [*answer, self.stop_ids[0]]
        return Rendered(prompt + answer, len(prompt))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _text(self, messages: Messages, tools: Any, *, opening: bool = False) -> str:
        from jinja2.exceptions import TemplateError as JinjaError

        try:
            text = self.tokenizer.apply_chat_template(
                merge_system(messages) if self.system_in_user else messages,
                tools=tools or None,
                chat_template=self.text,
                tokenize=False,
                add_generation_prompt=opening,
            )
        except (JinjaError, TypeError, ValueError, KeyError) as error:
            raise TemplateError(
                "template.fails",
                "The chat template cannot render this conversation: {reason}.",
                fix="Check the order of roles (system, then user and assistant in turn).",
                reason=str(error)[:200],
            ) from error
        return str(text)


def load_template(folder: Path, reporter: Reporter, *, fallback: Path | None = None) -> ChatTemplate:
    """The tokenizer and chat template of a model folder.

    A model without a template gets a plain one; one whose template refuses the system role gets the
    system text before the first user message. Both are reported as decisions.

    Args:
        folder: The model's folder.
        reporter: Hears about decisions.
        fallback: Folder whose tokenizer serves when ``folder`` (an adapter's, say) has none.
    """
    from engine.models.inspect import read_template

    source = folder if (folder / "tokenizer_config.json").exists() or fallback is None else fallback
    tokenizer = load_tokenizer(source)
    template = read_template(folder) or (read_template(fallback) if fallback else None)
    if template is None:
        template = resource("templates", "plain.jinja").read_text(encoding="utf-8")
        reporter.decision("chat_template", "plain", "the model has no chat template of its own")
    probe = ChatTemplate(tokenizer, template, system_in_user=False)
    try:
        shown = "SYSTEM-PROBE" in probe.prompt_text(
            [{"role": "system", "content": "SYSTEM-PROBE"}, {"role": "user", "content": "x"}]
        )
    except TemplateError:
        shown = False
    if not shown:
        reporter.decision("system_role", "in the user message", "the chat template has no system role")
    return ChatTemplate(tokenizer, template, system_in_user=not shown)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder (never with code of its own)."""
    from transformers import AutoTokenizer

    from engine.models.errors import ModelError

    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            "model.no_tokenizer",
            "The tokenizer of {file} cannot be read: {reason}.",
            fix="Add the tokenizer files (tokenizer.json, tokenizer_config.json) to the folder.",
            file=str(folder),
            reason=str(error).split("\n")[0][:200],
        ) from error


def merge_system(messages: Messages) -> Messages:
    """Put leading system text before the first user message."""
    if not messages or messages[0].get("role") != "system":
        return messages
    system, rest = messages[0]["content"], messages[1:]
    if rest and rest[0].get("role") == "user":
        return [{**rest[0], "content": f"{system}\n\n{rest[0]['content']}"}, *rest[1:]]
    return [{"role": "user", "content": system}, *rest]
