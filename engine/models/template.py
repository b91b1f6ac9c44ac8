"""One rendering of conversations for training and generation: the tokenizer's own chat template.

The prompt and the answer are tokenised separately, exactly as at generation time: there the model sees
the prompt's ids and continues with the answer's.

What a template leaves to the moment (today's date, whether the model thinks aloud first) is settled in its text,
so that the same text renders the same everywhere, also in whatever reads it from the fine-tuned model's folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from engine.errors import Words
from engine.models.errors import TemplateError
from engine.models.rendering import RENDERER
from engine.models.tokenizer import load_tokenizer
from engine.models.tool_arguments import KINDS, PROBE_SHOWN, Kind, arguments_probe, has_calls, with_arguments
from engine.progress import Reporter
from engine.resources import resource

Messages = list[dict[str, Any]]
#: A conversation, its tools, and whether an answer is to follow it.
_Asked = tuple[Messages, Any, bool]

#: Examples that are rendered by one request.
_BLOCK: Final = 32

#: Names of a message's reasoning, the usual one first.
_REASONING: Final = ("reasoning_content", "thinking", "reasoning")

#: The date that templates are shown instead of today's; the one that Llama's own fall back to.
_DATE: Final = date(2024, 7, 26)
_DATE_CALL: Final = re.compile(r"""strftime_now\(\s*(?P<quote>['"])(?P<format>[^'"\\]*)(?P=quote)\s*\)""")
#: A thought that the prompt begins, and one that it also ends, with nothing thought.
_OPEN_THOUGHT: Final = re.compile(r"<think>\s*\Z")
_NO_THOUGHT: Final = re.compile(r"<think>\s*</think>\s*\Z")
_NEVER_THINK: Final = "{% set enable_thinking = false %}\n"
_END_THOUGHT: Final = "{% if add_generation_prompt %}{{ '\\n</think>\\n\\n' }}{% endif %}"


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
        system_in_user: The template has no system role.
        ends: Tokens that the model's own configuration ends a text with.
    """

    def __init__(
        self, tokenizer: Any, template: str, *, system_in_user: bool, ends: tuple[int, ...] = ()
    ) -> None:
        self.tokenizer = tokenizer
        self._ends = ends
        self.text = template
        self.sha256 = hashlib.sha256(template.encode("utf-8")).hexdigest()
        #: The template has no system role: system text goes before the first user message.
        self.system_in_user = system_in_user

    @cached_property
    def stop_ids(self) -> list[int]:
        """Tokens that end an answer: end of sequence, and whatever the template puts after an answer.

        Only special tokens: a configuration may name one of another tokenizer, which is a plain word here.
        """
        added = self.tokenizer.added_tokens_decoder.items()
        special = {*self.tokenizer.all_special_ids, *(number for number, token in added if token.special)}
        found = [self.tokenizer.eos_token_id, *self._ends]
        split = self._split([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], None)
        if split is not None:
            found += self._ids(split[1].partition("y")[2].lstrip())[:1]
        return [token for token in dict.fromkeys(found) if token in special]

    @property
    def renders_tools(self) -> bool:
        """Whether the template shows tools and tool calls to the model."""
        return "tools" in self.text and "tool_calls" in self.text

    @cached_property
    def arguments(self) -> Kind:
        """What the template takes the arguments of a tool call for.

        OpenAI's form has them as JSON text, which most templates would encode once more, so that the model
        learns to write them so; these want the object. A few put the text in as it is.
        """
        for kind in KINDS:
            try:
                if PROBE_SHOWN.search(self._rendered([(arguments_probe(kind), None, False)])[0]):
                    return kind
            except TemplateError:
                continue
        return "object"

    @cached_property
    def wants_content(self) -> bool:
        """Whether an answer that only calls tools has to come with an empty text.

        It has none in OpenAI's form, and many templates put texts together without asking whether there is one.
        """
        user, answer = arguments_probe(self.arguments)
        bare = [user, {key: value for key, value in answer.items() if key != "content"}]
        try:
            return "None" in self._rendered([(bare, None, False)])[0]
        except TemplateError:
            return True

    def parts(self, messages: Messages, tools: Any = None) -> tuple[str, str]:
        """The text of a whole example: what the model continues, and what follows it.

        Raises:
            TemplateError: As for `render`.
        """
        return _required(self._split(messages, tools))

    def _split(self, messages: Messages, tools: Any) -> tuple[str, str] | None:
        """Prompt and answer of a whole example; None where the whole does not begin with the prompt."""
        opening, whole = self._texts([(messages[:-1], tools, True), (messages, tools, False)])
        return _divided(opening, whole)

    def prompt_text(self, messages: Messages, tools: Any = None) -> str:
        """The text that the model continues."""
        return self._texts([(messages, tools, True)])[0]

    def prompt_ids(self, messages: Messages, tools: Any = None) -> list[int]:
        """The tokens that the model continues."""
        return self._ids(self.prompt_text(messages, tools))

    def render(self, messages: Messages, tools: Any = None) -> Rendered:
        """A whole example, its last message being the answer.

        Raises:
            TemplateError: The template cannot render it, or renders the prompt differently once an
                answer follows, so that training and generation would not see the same tokens.
        """
        return self._tokenised(*self.parts(messages, tools))

    def render_many(self, examples: Iterable[tuple[Messages, Any]]) -> Iterator[Rendered | TemplateError]:
        """Whole examples (messages and tools) one after another, as `render` does; quicker where they are many.

        Yields:
            What `render` returns, or the error that it raises.
        """
        rest = iter(examples)
        while block := list(islice(rest, _BLOCK)):
            asked = [
                one
                for messages, tools in block
                for one in ((messages[:-1], tools, True), (messages, tools, False))
            ]
            try:
                texts = self._texts(asked)
            except TemplateError:
                # Which of them it was shows when they are rendered one by one.
                for messages, tools in block:
                    try:
                        yield self.render(messages, tools)
                    except TemplateError as error:
                        yield error
                continue
            for opening, whole in zip(texts[::2], texts[1::2], strict=True):
                try:
                    yield self._tokenised(*_required(_divided(opening, whole)))
                except TemplateError as error:
                    yield error

    def _tokenised(self, opening: str, rest: str) -> Rendered:
        prompt, answer = self._ids(opening), self._ids(rest)
        end = next((position for position, token in enumerate(answer) if token in self.stop_ids), None)
        if end is not None:
            answer = answer[: end + 1]
        elif self.stop_ids:
            answer = [*answer, self.stop_ids[0]]
        return Rendered(prompt + answer, len(prompt))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _texts(self, asked: Sequence[_Asked]) -> list[str]:
        return self._rendered(
            [
                (self._with_calls(messages) if has_calls(messages) else messages, tools, opening)
                for messages, tools, opening in asked
            ]
        )

    def _with_calls(self, messages: Messages) -> Messages:
        """A copy in which tool calls are as the template takes them."""
        copied = with_arguments(messages, self.arguments)
        if not self.wants_content:
            return copied
        return [
            {**message, "content": ""}
            if message.get("tool_calls") and message.get("content") is None
            else message
            for message in copied
        ]

    def _rendered(self, asked: Sequence[_Asked]) -> list[str]:
        if not all(messages for messages, _, _ in asked):
            raise TemplateError(
                "template.fails", "There is no message to render.", fix="Begin with the user's message."
            )
        return RENDERER.render_all(
            self.text,
            [
                {
                    **self._special_tokens,
                    "messages": [_as_transformers_shows(message) for message in self._placed(messages)],
                    "tools": tools or None,
                    "documents": None,
                    "add_generation_prompt": opening,
                }
                for messages, tools, opening in asked
            ],
        )

    def _placed(self, messages: Messages) -> Messages:
        return merge_system(messages) if self.system_in_user else messages

    @cached_property
    def _special_tokens(self) -> dict[str, str]:
        """What templates know by name: ``bos_token``, ``eos_token`` and so on."""
        return dict(self.tokenizer.special_tokens_map)


def _divided(opening: str, whole: str) -> tuple[str, str] | None:
    if whole.startswith(opening):
        return opening, whole[len(opening) :]
    # Many templates leave the thought out of what was answered; the prompt has it, empty.
    bare = _NO_THOUGHT.sub("", opening)
    if bare != opening and whole.startswith(bare):
        return opening, whole[len(bare) :]
    return None


def _required(split: tuple[str, str] | None) -> tuple[str, str]:
    if split is None:
        raise TemplateError(
            "template.prompt_changes",
            "The chat template renders the prompt differently once an answer follows.",
            fix="Choose another model, or its instruct version.",
        )
    return split


def _as_transformers_shows(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what is None, and with its reasoning under the names that templates read."""
    kept = {key: value for key, value in message.items() if value is not None}
    reasoning = next((kept[key] for key in _REASONING if key in kept), None)
    if reasoning is None:
        return kept
    return {"thinking": reasoning, **kept, "reasoning_content": reasoning}


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
    tokenizer = load_tokenizer(source, model=fallback)
    template = read_template(folder) or (read_template(fallback) if fallback else None)
    if template is None:
        begins = "{{ bos_token }}" if _begins_texts(tokenizer) else ""
        template = begins + resource("templates", "plain.jinja").read_text(encoding="utf-8")
        reporter.decision("chat_template", Words("plain"), "the model has no chat template of its own")
    template = _settled(tokenizer, template, reporter)
    probe = ChatTemplate(tokenizer, template, system_in_user=False)
    try:
        shown = "SYSTEM-PROBE" in probe.prompt_text(
            [{"role": "system", "content": "SYSTEM-PROBE"}, {"role": "user", "content": "x"}]
        )
    except TemplateError:
        shown = False
    if not shown:
        reporter.decision("system_role", Words("in the user message"), "the chat template has no system role")
    ends = tuple(dict.fromkeys(token for place in (folder, fallback) if place for token in _ends(place)))
    return ChatTemplate(tokenizer, template, system_in_user=not shown, ends=ends)


def _begins_texts(tokenizer: Any) -> bool:
    """Whether the tokenizer by itself puts a token before every text, which a model without it has never seen."""
    return tokenizer.bos_token_id is not None and tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id]


def _settled(tokenizer: Any, template: str, reporter: Reporter) -> str:
    """The template with what it leaves to the moment decided, the same for training and every answer."""
    dated = _DATE_CALL.sub(lambda call: json.dumps(_DATE.strftime(call["format"])), template)
    if dated != template:
        reporter.decision(
            "date", f"{_DATE:%Y-%m-%d}", "the chat template shows today's, which would change every day"
        )
    elif "strftime_now(" in template:
        reporter.decision(
            "date", Words("today's"), "the chat template makes it in a way that cannot be fixed"
        )
    if "enable_thinking" in dated and not dated.startswith(_NEVER_THINK):
        reporter.decision("thinking", Words("off"), "the examples have answers without thoughts before them")
        return _NEVER_THINK + dated
    with suppress(TemplateError):
        prompt = ChatTemplate(tokenizer, dated, system_in_user=False).prompt_text(
            [{"role": "user", "content": "x"}]
        )
        if _OPEN_THOUGHT.search(prompt):
            reporter.decision(
                "thinking", Words("ended at once"), "the examples have answers without thoughts before them"
            )
            return dated.removesuffix("\n") + _END_THOUGHT
    return dated


def _ends(folder: Path) -> Iterator[int]:
    """The end-of-text tokens that the model's own files name."""
    for name in ("generation_config.json", "config.json"):
        with suppress(OSError, ValueError):
            config = json.loads((folder / name).read_bytes())
            named = config.get("eos_token_id") if isinstance(config, dict) else None
            yield from (
                token for token in (named if isinstance(named, list) else [named]) if isinstance(token, int)
            )


def merge_system(messages: Messages) -> Messages:
    """Put leading system text before the first user message."""
    if not messages or messages[0].get("role") != "system":
        return messages
    system, rest = messages[0]["content"], messages[1:]
    if rest and rest[0].get("role") == "user":
        return [{**rest[0], "content": f"{system}\n\n{rest[0]['content']}"}, *rest[1:]]
    return [{"role": "user", "content": system}, *rest]
