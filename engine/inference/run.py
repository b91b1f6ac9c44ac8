"""The job in which contestants answer prompts."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset, open_dataset
from engine.datasets.selection import select
from engine.files import new_folder
from engine.inference.access import address, open_endpoint
from engine.inference.api_answers import Question, ask_all
from engine.inference.budget import Budget
from engine.inference.contestants import ContestantError, Participant, contestant, parse
from engine.inference.outputs import Output, read_journal, read_outputs, write_outputs
from engine.inference.prompts import Prompt
from engine.inference.spec import GenerateSpec
from engine.jobs.context import JobContext, JobResult
from engine.models.device import Device, choose_device
from engine.models.errors import TemplateError
from engine.models.library import find_export
from engine.models.template import ChatTemplate, load_template
from engine.workspace.adoption import Adoption, NewContestant, NewOutputSet, ensure_contestant

if TYPE_CHECKING:
    from engine.inference.generate import Generator

#: Train answers that are looked at: to choose the longest answer, and to guess how one goes on.
_SAMPLE: Final = 2000
#: Prompts answered at the same time, where the spec does not say: by transformers, and by llama.cpp.
_BATCH: Final = 16
_GGUF_BATCH: Final = 32


def run(context: JobContext) -> JobResult:
    """Let the spec's contestants answer."""
    spec = GenerateSpec.model_validate(context.spec)
    participants = [parse(context.workspace, name, spec.entrants) for name in dict.fromkeys(spec.models)]
    dataset = open_dataset(context.workspace, spec.dataset, "generate")
    examples = [
        example
        for split in spec.splits
        for example in select(
            dataset.store, split, limit=spec.limits.get(split) or spec.limit, answers=spec.answers
        )
    ]
    if not examples:
        raise ContestantError(
            "generate.no_prompts",
            "The dataset '{name}' has no {splits} prompts to answer.",
            fix="Import it with a larger --test-share or --dev-share.",
            name=spec.dataset,
            splits=" or ".join(spec.splits),
        )
    work = _Work(context, spec, dataset, examples)
    for participant in participants:
        if participant.form == "dataset":
            work.copy_answers(participant)
    work.answer_locally([participant for participant in participants if participant.form == "model"])
    stopped = work.answer_by_api([participant for participant in participants if participant.form == "api"])
    return work.result(stopped)


class _Work:
    """The answers of one job: local ones gathered in the job directory, paid ones in the catalogue."""

    def __init__(
        self, context: JobContext, spec: GenerateSpec, dataset: OpenDataset, examples: list[Example]
    ) -> None:
        self.context = context
        self.spec = spec
        self.dataset = dataset
        self.examples = examples
        self.contestants: list[NewContestant] = []
        self.fresh: dict[str, list[Output]] = {}
        self.total = 0
        self.done = 0

    def copy_answers(self, participant: Participant) -> None:
        """The dataset's own answers, as a contestant."""
        who = contestant(participant, self.dataset.id, {"answers": self.dataset.store.content_sha256})
        self.contestants.append(who)
        known = read_outputs(self.context.workspace, who.id)
        self.fresh[who.id] = [
            Output(example.prompt_id, example.answer_text, "stop", 0, 0.0)
            for example in _unanswered(self._asked(participant), known)
        ]

    def answer_locally(self, participants: list[Participant]) -> None:
        """All local contestants, base by base, each base loaded once."""
        if not participants:
            return
        by_base: dict[Path, list[Participant]] = defaultdict(list)
        self.total = len(participants) * len(self.examples)
        for participant in participants:
            if participant.quantisation:
                self._answer_by_gguf(participant)
            elif participant.files is not None:
                by_base[participant.files.base_folder].append(participant)
        if not by_base:
            return
        device = choose_device(self.context, self.spec.dtype, kept=self.context.checkpoints / "device.json")
        for base, group in by_base.items():
            generator: Generator | None = None
            for participant in group:
                generator = self._answer(participant, base, device, generator)

    def _answer(
        self, participant: Participant, base: Path, device: Device, generator: Generator | None
    ) -> Generator | None:
        """Answer what ``participant`` has not answered yet; loads the base when that is anything."""
        import torch
        import transformers

        from engine.inference.generate import Generator

        files = participant.files
        if files is None:
            return generator
        template = load_template(files.folder, self.context, fallback=base)
        longest = self._longest_answer(template)
        identity = {
            "weights": files.identity,
            "runtime": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "quantisation": "none",
            "dtype": device.dtype,
            "template_sha256": template.sha256,
            "sampling": {"greedy": True, "max_new_tokens": longest},
            "shots": participant.shots,
        }
        who, fresh, prompts = self._open(participant, identity, template)
        if prompts:
            self.context.event("generate.contestant", name=participant.name, prompts=len(prompts))
            generator = generator or Generator(base, device, self.context)
            batches = generator.answers(
                prompts,
                template,
                adapter=files.adapter_folder,
                max_new_tokens=longest,
                batch_size=self.spec.batch_size or _BATCH,
            )
            self._keep(who, participant, batches, fresh)
        self.fresh[who.id] = fresh
        return generator

    def _answer_by_gguf(self, participant: Participant) -> None:
        """Answer what ``participant``, a GGUF file, has not answered yet."""
        from engine.inference.llama.drafts import AnswerDrafts, FirstOf, PromptDrafts
        from engine.inference.llama.generate import answers
        from engine.inference.llama.library import version

        files = participant.files
        if files is None:
            return
        export = find_export(self.context.workspace, files, participant.quantisation)
        if export is None:
            raise ContestantError(
                "contestant.not_exported",
                "'{name}' has no GGUF file {quantisation} yet.",
                fix="Make it with: bakeoff export {model} FILE --as gguf --quant {quantisation}",
                name=participant.name,
                model=files.name,
                quantisation=participant.quantisation,
            )
        template = load_template(files.folder, self.context, fallback=files.base_folder)
        longest = self._longest_answer(template)
        identity = {
            "weights": export.sha256,
            "runtime": version(),
            "quantisation": export.quantisation,
            "template_sha256": template.sha256,
            "sampling": {"greedy": True, "max_new_tokens": longest},
            "shots": participant.shots,
        }
        who, fresh, prompts = self._open(participant, identity, template)
        if prompts:
            self.context.event("generate.contestant", name=participant.name, prompts=len(prompts))
            outputs = answers(
                export.file,
                prompts,
                template,
                max_new_tokens=longest,
                batch_size=self.spec.batch_size or _GGUF_BATCH,
                reporter=self.context,
                drafts=FirstOf(AnswerDrafts(self._train_answers(template)), PromptDrafts()),
                gpu_layers=self.spec.gpu_layers,
            )
            self._keep(who, participant, ([output] for output in outputs), fresh)
        self.fresh[who.id] = fresh

    def _open(
        self, participant: Participant, identity: dict[str, Any], template: ChatTemplate
    ) -> tuple[NewContestant, list[Output], list[Prompt]]:
        """The contestant, what an earlier attempt of this job has answered, and what is left to answer."""
        who = contestant(participant, self.dataset.id, identity)
        self.contestants.append(who)
        fresh = read_journal(self._journal(who))
        known = {
            **read_outputs(self.context.workspace, who.id),
            **{output.prompt_id: output for output in fresh},
        }
        prompts = [
            Prompt(example.prompt_id, self._prompt_ids(example, participant, template))
            for example in _unanswered(self._asked(participant), known)
        ]
        self.done += len(self.examples) - len(prompts)
        return who, fresh, prompts

    def _keep(
        self,
        who: NewContestant,
        participant: Participant,
        batches: Iterable[list[Output]],
        fresh: list[Output],
    ) -> None:
        """Note answers as they come, so that an interruption loses none."""
        with self._journal(who).open("a", encoding="utf-8") as stream:
            for batch in batches:
                stream.writelines(json.dumps(asdict(output)) + "\n" for output in batch)
                stream.flush()
                fresh += batch
                self.done += len(batch)
                self.context.progress(self.done, self.total, "answers", contestant=participant.name)

    def _journal(self, who: NewContestant) -> Path:
        return self.context.checkpoints / f"{who.id}.jsonl"

    def answer_by_api(self, participants: list[Participant]) -> str:
        """All paid contestants, each answer committed as it comes; returns why it ended."""
        if not participants:
            return "done"
        budget = Budget(self.spec.budget_usd, journal=self.context.checkpoints / "budget.jsonl")
        longest = self._longest_paid_answer()
        for participant in participants:
            endpoint = open_endpoint(self.context.workspace, participant.endpoint, budget, self.context)
            endpoint.prices.require(participant.api_model, participant.endpoint)
            url, _ = address(self.context.workspace, participant.endpoint)
            identity = {
                "endpoint": url,
                "model": participant.api_model,
                "max_tokens": longest,
                "temperature": 0.0,
            }
            who = contestant(participant, self.dataset.id, identity)
            self.contestants.append(who)
            with self.context.workspace.catalogue.writing() as session:
                ensure_contestant(session, who)
            known = read_outputs(self.context.workspace, who.id)
            questions = [
                Question(example.prompt_id, _messages(example), example.tools, example.response_format)
                for example in _unanswered(self._asked(participant), known)
            ]
            reason = ask_all(
                self.context.workspace,
                endpoint,
                participant.api_model,
                who.id,
                questions,
                longest,
                self.context,
            )
            if reason != "done":
                self.context.event("generate.budget", contestant=participant.name, spent_usd=budget.spent_usd)
                return reason
        return "done"

    def result(self, stopped: str) -> JobResult:
        """Write the local answers to their final place and hand everything over."""
        folder = self.context.output_folder(self.context.workspace.outputs)
        sets: list[NewOutputSet] = []
        if any(self.fresh.values()):
            with new_folder(folder) as temporary:
                for who, outputs in self.fresh.items():
                    if outputs:
                        write_outputs(temporary / f"{who}.parquet", outputs)
                        name = self.context.workspace.relative(folder / f"{who}.parquet")
                        sets.append(
                            NewOutputSet(
                                id=f"{self.context.job_id}/{who}",
                                contestant_id=who,
                                file=name,
                                count=len(outputs),
                            )
                        )
        summary = {"outputs": self._all_outputs(), "stopped": stopped}
        return JobResult(summary, Adoption(contestants=self.contestants, output_sets=sets))

    def _all_outputs(self) -> list[dict[str, Any]]:
        """Every answer to the asked prompts, earlier ones included, in the order of prompts."""
        rows: list[dict[str, Any]] = []
        for who in self.contestants:
            known = read_outputs(self.context.workspace, who.id)
            known.update({output.prompt_id: output for output in self.fresh.get(who.id, [])})
            rows += [
                {"model": who.name, **asdict(known[example.prompt_id])}
                for example in self.examples
                if example.prompt_id in known
            ]
        return rows

    def _asked(self, participant: Participant) -> list[Example]:
        """The examples whose prompts ``participant`` answers."""
        if participant.name not in self.spec.only_test:
            return self.examples
        return [example for example in self.examples if example.split == "test"]

    def _prompt(self, example: Example, shots: int) -> list[dict[str, Any]]:
        """The prompt's messages, with ``shots`` solved train examples as earlier turns."""
        messages = _messages(example)
        if not shots:
            return messages
        system = [message for message in messages if message["role"] == "system"]
        turns = [
            message.as_dict()
            for shown in select(self.dataset.store, "train", limit=shots, answers=self.spec.answers)
            for message in shown.messages
            if message.role != "system"
        ]
        return [*system, *turns, *(message for message in messages if message["role"] != "system")]

    def _prompt_ids(self, example: Example, participant: Participant, template: ChatTemplate) -> list[int]:
        """What ``participant`` continues, in tokens."""
        try:
            return template.prompt_ids(self._prompt(example, participant.shots), example.tools)
        except TemplateError as error:
            raise TemplateError(
                error.code,
                "'{name}' cannot be asked row {row}: {reason}",
                fix=error.fix,
                name=participant.name,
                row=example.row,
                reason=error.message,
            ) from error

    def _longest_paid_answer(self) -> int:
        """How many tokens a paid answer may have: what it could cost at most has to be in the budget.

        How an endpoint's model counts is not known, but no token is shorter than a byte.
        """
        if self.spec.max_new_tokens is not None:
            return self.spec.max_new_tokens
        examples = islice(self.dataset.store.examples("train"), _SAMPLE)
        longest = max((len(example.answer_text.encode("utf-8")) for example in examples), default=1024)
        chosen = min(max(longest, 256), 1024)
        self.context.decision(
            "max_new_tokens",
            chosen,
            f"a token a byte of the longest train answer ({longest} bytes), 256 to 1024",
        )
        return chosen

    def _train_answers(self, template: ChatTemplate) -> list[list[int]]:
        """The tokens of train answers (not of more than are needed to know them)."""
        answers = [example.answer_text for example in islice(self.dataset.store.examples("train"), _SAMPLE)]
        if not answers:
            return []
        ids: list[list[int]] = template.tokenizer(answers, add_special_tokens=False)["input_ids"]
        return ids

    def _longest_answer(self, template: ChatTemplate) -> int:
        """How many tokens an answer may have."""
        if self.spec.max_new_tokens is not None:
            return self.spec.max_new_tokens
        ids = self._train_answers(template)
        if not ids:
            self.context.decision("max_new_tokens", 512, "the train split is empty")
            return 512
        longest = max(len(answer) for answer in ids)
        chosen = min(max(math.ceil(longest * 1.5) + 8, 16), 2048)
        self.context.decision(
            "max_new_tokens", chosen, f"half as much again as the longest train answer ({longest} tokens)"
        )
        return chosen


def _unanswered(examples: list[Example], known: dict[str, Output]) -> list[Example]:
    """The first example of each prompt that has no answer yet."""
    distinct = {example.prompt_id: example for example in reversed(examples)}
    return [
        example
        for example in examples
        if example.prompt_id not in known and distinct[example.prompt_id] is example
    ]


def _messages(example: Example) -> list[dict[str, Any]]:
    return [message.as_dict() for message in example.prompt]
