"""A model of the workspace as the judge. Imported only by the job: it brings torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.inference.completion import Completion
from engine.inference.generate import Generator
from engine.inference.prompts import Prompt
from engine.judging.model_judge import ModelJudge, local_judge
from engine.judging.prompt import JudgePrompt
from engine.judging.verdicts import Message
from engine.models.device import choose_device
from engine.models.library import find_model
from engine.models.template import load_template
from engine.progress import Reporter
from engine.workspace import Workspace

#: A verdict with its explanation; a local model gains nothing from more.
_MAX_NEW_TOKENS: Final = 256


class _LocalModel:
    """Completes one conversation at a time, loaded when the first is asked."""

    def __init__(self, workspace: Workspace, name: str, reporter: Reporter) -> None:
        self.files = find_model(workspace, name)
        self._reporter = reporter
        self._generator: Generator | None = None

    def complete(self, messages: Sequence[Message], _schema: Mapping[str, Any]) -> Completion:
        """Answer greedily; the schema is only asked for in the judge prompt."""
        if self._generator is None:
            device = choose_device(self._reporter)
            self._template = load_template(self.files.folder, self._reporter, fallback=self.files.base_folder)
            self._generator = Generator(self.files.base_folder, device, self._reporter)
        ids = self._template.prompt_ids([dict(message) for message in messages])
        batches = self._generator.answers(
            [Prompt("question", ids)],
            self._template,
            adapter=self.files.adapter_folder,
            max_new_tokens=_MAX_NEW_TOKENS,
            batch_size=1,
        )
        output = next(batches)[0]
        # Finishing the iteration takes the adapter off the base again.
        for _ in batches:
            pass
        return Completion(
            text=output.text,
            refusal=None,
            finish_reason=output.stop,
            input_tokens=len(ids),
            output_tokens=output.tokens,
            cost_usd=0.0,
            model_snapshot=self.files.identity,
            seconds=output.seconds,
        )


def model_judge(workspace: Workspace, name: str, prompt: JudgePrompt, reporter: Reporter) -> ModelJudge:
    """The workspace's model ``name`` as the judge.

    Raises:
        NameUnknownError: There is no such model.
    """
    model = _LocalModel(workspace, name, reporter)
    return local_judge(name, model.files.identity, model.complete, prompt=prompt)
