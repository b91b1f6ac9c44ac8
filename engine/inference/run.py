"""The job in which contestants answer prompts."""

from __future__ import annotations

import json
import math
from collections import defaultdict
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
from engine.inference.outputs import Output, read_outputs, write_outputs
from engine.inference.spec import GenerateSpec
from engine.jobs.context import JobContext, JobResult
from engine.models.device import Device, choose_device
from engine.models.errors import TemplateError
from engine.models.template import ChatTemplate, load_template
from engine.workspace.adoption import Adoption, NewContestant, NewOutputSet, ensure_contestant

if TYPE_CHECKING:
    from engine.inference.generate import Generator

#: Train answers whose length is looked at to choose the longest answer.
_SAMPLE: Final = 2000


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
            Output(example.prompt_id, _answer_text(example), "stop", 0, 0.0)
            for example in _unanswered(self._asked(participant), known)
        ]

    def answer_locally(self, participants: list[Participant]) -> None:
        """All local contestants, base by base, each base loaded once."""
        if not participants:
            return
        device = choose_device(self.context, self.spec.dtype, kept=self.context.checkpoints / "device.json")
        by_base: dict[Path, list[Participant]] = defaultdict(list)
        for participant in participants:
            if participant.files is not None:
                by_base[participant.files.base_folder].append(participant)
        self.total = len(participants) * len(self.examples)
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

        from engine.inference.generate import Generator, Prompt

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
        who = contestant(participant, self.dataset.id, identity)
        self.contestants.append(who)
        journal = self.context.checkpoints / f"{who.id}.jsonl"
        fresh = _read_journal(journal)
        known = {
            **read_outputs(self.context.workspace, who.id),
            **{output.prompt_id: output for output in fresh},
        }
        prompts = [
            Prompt(
                example.prompt_id,
                self._prompt_ids(example, participant, template),
            )
            for example in _unanswered(self._asked(participant), known)
        ]
        self.done += len(self.examples) - len(prompts)
        if prompts:
            self.context.event("generate.contestant", name=participant.name, prompts=len(prompts))
            generator = generator or Generator(base, device, self.context)
            with journal.open("a", encoding="utf-8") as stream:
                for batch in generator.answers(
                    prompts,
                    template,
                    adapter=files.adapter_folder,
                    max_new_tokens=longest,
                    batch_size=self.spec.batch_size,
                ):
                    stream.writelines(json.dumps(asdict(output)) + "\n" for output in batch)
                    stream.flush()
                    fresh += batch
                    self.done += len(batch)
                    self.context.progress(self.done, self.total, "answers", contestant=participant.name)
        self.fresh[who.id] = fresh
        return generator

    def answer_by_api(self, participants: list[Participant]) -> str:
        """All paid contestants, each answer committed as it comes; returns why it ended."""
        if not participants:
            return "done"
        budget = Budget(self.spec.budget_usd, journal=self.context.checkpoints / "budget.jsonl")
        longest = self.spec.max_new_tokens or 1024
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

    def _longest_answer(self, template: ChatTemplate) -> int:
        """How many tokens an answer may have."""
        if self.spec.max_new_tokens is not None:
            return self.spec.max_new_tokens
        answers = [_answer_text(example) for example in islice(self.dataset.store.examples("train"), _SAMPLE)]
        if not answers:
            self.context.decision("max_new_tokens", 512, "the train split is empty")
            return 512
        ids = template.tokenizer(answers, add_special_tokens=False)["input_ids"]
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


def _answer_text(example: Example) -> str:
    """The answer as text; a tool call in its JSON."""
    answer = example.answer
    if answer.content is not None:
        return answer.content
    return json.dumps(answer.tool_calls, ensure_ascii=False)


def _read_journal(path: Path) -> list[Output]:
    """Answers that an earlier attempt of this job left; a half-written last line is dropped and redone."""
    if not path.exists():
        return []
    whole = path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    path.write_bytes(whole)
    return [Output(**json.loads(line)) for line in whole.splitlines()]
