"""Answers of the workspace's own models: by transformers, or by llama.cpp from a GGUF file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.files import sha256_json
from engine.inference.contestants import ContestantError, Participant, contestant
from engine.inference.outputs import Output, read_journal, read_outputs
from engine.inference.prompts import Prompt
from engine.inference.questions import Questions
from engine.inference.spec import GenerateSpec
from engine.jobs.context import JobContext
from engine.models.device import Device, choose_device
from engine.models.library import ModelFiles, find_export
from engine.models.template import ChatTemplate, load_template
from engine.models.unchanged import require_unchanged
from engine.workspace.adoption import NewContestant

if TYPE_CHECKING:
    from engine.inference.generate import Generator

#: Prompts answered at the same time, where the spec does not say: by transformers, and by llama.cpp.
_BATCH: Final = 16
_GGUF_BATCH: Final = 32


class LocalAnswers:
    """What the local contestants of one job answer, kept in the job directory as it comes.

    Attributes:
        answered: For each contestant, the answers that are new.
    """

    def __init__(self, context: JobContext, spec: GenerateSpec, questions: Questions) -> None:
        self._context = context
        self._spec = spec
        self._questions = questions
        self.answered: list[tuple[NewContestant, list[Output]]] = []
        self._total = 0
        self._done = 0

    def answer(self, participants: list[Participant]) -> None:
        """Let all of them answer, base by base, each base loaded once."""
        self._require_grammars(participants)
        by_base: dict[Path, list[tuple[Participant, ModelFiles]]] = defaultdict(list)
        self._total = len(participants) * len(self._questions.examples)
        for participant in participants:
            files = participant.files
            if files is not None and participant.quantisation:
                self._by_llama(participant, files)
            elif files is not None:
                by_base[files.base_folder].append((participant, files))
        if not by_base:
            return
        device = choose_device(
            self._context, self._spec.dtype, kept=self._context.checkpoints / "device.json"
        )
        for group in by_base.values():
            generator: Generator | None = None
            for participant, files in group:
                generator = self._by_transformers(participant, files, device, generator)

    def _require_grammars(self, participants: list[Participant]) -> None:
        """Refuse to hold answers to something that will not be."""
        loose = [participant.name for participant in participants if not participant.quantisation]
        if self._spec.constrain is not None and loose:
            raise ContestantError(
                "contestant.unconstrained",
                "Only GGUF files can be held to a form, and '{name}' answers from its own weights.",
                fix="Name its GGUF file: {name}@q8_0",
                name=loose[0],
            )

    def _by_transformers(
        self, participant: Participant, files: ModelFiles, device: Device, generator: Generator | None
    ) -> Generator | None:
        """Answer what ``participant`` has not answered yet; loads the base when that is anything."""
        import torch
        import transformers

        from engine.inference.generate import Generator

        template = load_template(files.folder, self._context, fallback=files.base_folder)
        longest = self._questions.longest_answer(template)
        identity = {
            "weights": files.identity,
            "runtime": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "quantisation": "none",
            "dtype": device.dtype,
            "template_sha256": template.sha256,
            "sampling": self._sampling(longest),
            "shots": participant.shots,
        }
        who, fresh, prompts = self._open(participant, identity, template)
        if prompts:
            require_unchanged(self._context.workspace, files, self._context)
            generator = generator or Generator(files.base_folder, device, self._context)
            batches = generator.answers(
                prompts,
                template,
                adapter=files.adapter_folder,
                max_new_tokens=longest,
                batch_size=self._spec.batch_size or _BATCH,
                stop=self._spec.stop,
            )
            self._keep(who, batches, fresh)
        return generator

    def _by_llama(self, participant: Participant, files: ModelFiles) -> None:
        """Answer what ``participant``, a GGUF file, has not answered yet."""
        from engine.inference.llama.drafts import AnswerDrafts, FirstOf, PromptDrafts
        from engine.inference.llama.generate import answers
        from engine.inference.llama.library import version

        export = find_export(self._context.workspace, files, participant.quantisation)
        if export is None:
            raise ContestantError(
                "contestant.not_exported",
                "'{name}' has no GGUF file {quantisation} yet.",
                fix="Make it with: bakeoff export {model} FILE --as gguf --quant {quantisation}",
                name=participant.name,
                model=files.name,
                quantisation=participant.quantisation,
            )
        template = load_template(files.folder, self._context, fallback=files.base_folder)
        longest = self._questions.longest_answer(template)
        constraint = self._questions.constraint()
        identity = {
            "weights": export.sha256,
            "runtime": version(),
            "quantisation": export.quantisation,
            "template_sha256": template.sha256,
            "sampling": self._sampling(longest),
            "shots": participant.shots,
        }
        if constraint is not None:
            identity["constraint_sha256"] = sha256_json(constraint.model_dump(mode="json"))
        who, fresh, prompts = self._open(participant, identity, template, files.identity)
        if prompts:
            outputs = answers(
                export.file,
                prompts,
                template,
                max_new_tokens=longest,
                batch_size=self._spec.batch_size or _GGUF_BATCH,
                reporter=self._context,
                drafts=FirstOf(AnswerDrafts(self._questions.train_answers(template)), PromptDrafts()),
                constraint=constraint,
                stop=self._spec.stop,
                gpu_layers=self._spec.gpu_layers,
            )
            self._keep(who, ([output] for output in outputs), fresh)

    def _sampling(self, longest: int) -> dict[str, Any]:
        """How tokens are chosen, and where answers end; a part of who answers."""
        own = {"stop": self._spec.stop} if self._spec.stop else {}
        return {"greedy": True, "max_new_tokens": longest, **own}

    def _open(
        self, participant: Participant, identity: dict[str, Any], template: ChatTemplate, made_of: str = ""
    ) -> tuple[NewContestant, list[Output], list[Prompt]]:
        """The contestant, what an earlier attempt of this job has answered, and what is left to answer."""
        who = contestant(participant, self._questions.dataset.id, identity, made_of)
        fresh = read_journal(self._journal(who))
        self.answered.append((who, fresh))
        known = {
            **read_outputs(self._context.workspace, who.id),
            **{output.prompt_id: output for output in fresh},
        }
        prompts = [
            self._questions.prompt(example, participant, template)
            for example in self._questions.unanswered(participant, known)
        ]
        self._done += len(self._questions.examples) - len(prompts)
        if prompts:
            self._context.event("generate.contestant", name=participant.name, prompts=len(prompts))
        return who, fresh, prompts

    def _keep(self, who: NewContestant, batches: Iterable[list[Output]], fresh: list[Output]) -> None:
        """Note answers as they come, so that an interruption loses none."""
        with self._journal(who).open("a", encoding="utf-8") as stream:
            for batch in batches:
                stream.writelines(json.dumps(asdict(output)) + "\n" for output in batch)
                stream.flush()
                fresh += batch
                self._done += len(batch)
                self._context.progress(self._done, self._total, "answers", contestant=who.name)

    def _journal(self, who: NewContestant) -> Path:
        return self._context.checkpoints / f"{who.id}.jsonl"
