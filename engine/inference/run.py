"""The job in which contestants answer prompts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.datasets.library import open_dataset
from engine.files import new_folder
from engine.inference.access import open_endpoint
from engine.inference.api_answers import Question, ask_all
from engine.inference.budget import Budget
from engine.inference.contestants import Participant, contestant, parse
from engine.inference.local_answers import LocalAnswers
from engine.inference.outputs import Output, read_outputs, sampling_of, write_outputs
from engine.inference.questions import Questions, messages_of
from engine.inference.spec import GenerateSpec
from engine.inference.starting import paid_contestant
from engine.jobs.context import JobContext, JobResult
from engine.workspace.adoption import Adoption, NewContestant, NewOutputSet, ensure_contestant


def run(context: JobContext) -> JobResult:
    """Let the spec's contestants answer."""
    spec = GenerateSpec.model_validate(context.spec)
    participants = [parse(context.workspace, name, spec.entrants) for name in dict.fromkeys(spec.models)]
    questions = Questions(spec, open_dataset(context.workspace, spec.dataset, "generate"), context)
    work = _Work(context, spec, questions)
    work.copy_answers([participant for participant in participants if participant.form == "dataset"])
    work.answer_locally([participant for participant in participants if participant.form == "model"])
    stopped = work.answer_by_api([participant for participant in participants if participant.form == "api"])
    return work.result(stopped)


class _Work:
    """The answers of one job: local ones gathered in the job directory, paid ones in the catalogue."""

    def __init__(self, context: JobContext, spec: GenerateSpec, questions: Questions) -> None:
        self.context = context
        self.spec = spec
        self.questions = questions
        self.contestants: list[NewContestant] = []
        self.fresh: dict[str, list[Output]] = {}

    def copy_answers(self, participants: list[Participant]) -> None:
        """The dataset's own answers, as a contestant."""
        dataset = self.questions.dataset
        for participant in participants:
            who = contestant(participant, dataset.id, {"answers": dataset.store.content_sha256})
            self.contestants.append(who)
            known = read_outputs(self.context.workspace, who.id)
            self.fresh[who.id] = [
                Output(example.prompt_id, example.answer_text, "stop", 0, 0.0)
                for example in self.questions.unanswered(participant, known)
            ]

    def answer_locally(self, participants: list[Participant]) -> None:
        """All models of the workspace."""
        local = LocalAnswers(self.context, self.spec, self.questions)
        local.answer(participants)
        for who, outputs in local.answered:
            self.contestants.append(who)
            self.fresh[who.id] = outputs

    def answer_by_api(self, participants: list[Participant]) -> str:
        """All paid contestants, each answer committed as it comes; returns why it ended."""
        if not participants:
            return "done"
        budget = Budget(self.spec.budget_usd, journal=self.context.checkpoints / "budget.jsonl")
        longest = self.questions.longest_paid_answer()
        for participant in participants:
            endpoint = open_endpoint(self.context.workspace, participant.endpoint, budget, self.context)
            endpoint.prices.require(participant.api_model, participant.endpoint)
            who = paid_contestant(
                self.context.workspace, participant, self.questions.dataset.id, longest, self.spec.stop
            )
            self.contestants.append(who)
            with self.context.workspace.catalogue.writing() as session:
                ensure_contestant(session, who)
            known = read_outputs(self.context.workspace, who.id)
            questions = [
                Question(example.prompt_id, messages_of(example), example.tools, example.response_format)
                for example in self.questions.unanswered(participant, known)
            ]
            reason = ask_all(
                self.context.workspace,
                endpoint,
                participant.api_model,
                who.id,
                questions,
                longest,
                self.context,
                stop=self.spec.stop,
            )
            if reason != "done":
                self.context.event("generate.budget", contestant=participant.name, spent_usd=budget.spent_usd)
                return reason
        return "done"

    def result(self, stopped: str) -> JobResult:
        """Write the local answers to their final place and hand everything over."""
        folder = self.context.output_folder(self.context.workspace.outputs)
        sets: list[NewOutputSet] = []
        identities = {who.id: who.identity for who in self.contestants}
        if any(self.fresh.values()):
            with new_folder(folder) as temporary:
                for who, outputs in self.fresh.items():
                    if outputs:
                        write_outputs(temporary / f"{who}.parquet", outputs, identities[who])
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
            sampling = sampling_of(who.identity)
            known.update({output.prompt_id: output for output in self.fresh.get(who.id, [])})
            rows += [
                {"model": who.name, **asdict(known[example.prompt_id]), "sampling": sampling}
                for example in self.questions.examples
                if example.prompt_id in known
            ]
        return rows
