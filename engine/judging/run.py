"""The job in which a judge compares answers."""

from __future__ import annotations

from dataclasses import replace

from engine.inference.access import open_endpoint
from engine.inference.budget import Budget
from engine.jobs.context import JobContext, JobInterruptedError, JobResult
from engine.judging.batch_judge import BatchJudge
from engine.judging.health import judge_health
from engine.judging.judge import judge_pairs
from engine.judging.judges import Judge
from engine.judging.ledger import CatalogueLedger
from engine.judging.model_judge import endpoint_judge
from engine.judging.prepare import (
    LOCAL,
    REFERENCE,
    Prepared,
    judge_prompt_for,
    prepare,
    reference_judge,
    split_judge,
)
from engine.judging.spec import JudgeSpec
from engine.models.library import find_model


def run(context: JobContext) -> JobResult:
    """Judge what the spec names; every verdict is in the catalogue as soon as it is there."""
    spec = JudgeSpec.model_validate(context.spec)
    prepared = prepare(context.workspace, spec, context)
    # The journal carries what earlier attempts of this job have spent.
    budget = Budget(spec.budget_usd, journal=context.checkpoints / "budget.jsonl")
    judge = _judge(context, spec, prepared, budget)
    ledger = CatalogueLedger(context.workspace.catalogue, prepared.dataset.id, spec.split, context.job_id)
    chooser = prepared.chooser(spec, everything=judge.exhaustive)
    parallel = 1 if spec.judge.startswith(LOCAL) else spec.parallel
    context.event("judge.started", judge=judge.name, comparisons=chooser.total, prompts=len(prepared.prompts))
    try:
        result = judge_pairs(
            chooser, judge, ledger, earlier=ledger.asked(), parallel=parallel, reporter=context
        )
    except JobInterruptedError as interrupt:
        if interrupt.action == "stop" and isinstance(judge, BatchJudge):
            judge.cancel()
        raise
    _report_health(context, ledger, judge, prepared)
    return JobResult(replace(result.summary, cost_usd=budget.spent_usd).as_dict())


def _judge(context: JobContext, spec: JudgeSpec, prepared: Prepared, budget: Budget) -> Judge:
    if spec.judge == REFERENCE:
        return reference_judge(prepared, spec, context)
    prompt = judge_prompt_for(prepared)
    if spec.judge.startswith(LOCAL):
        find_model(context.workspace, spec.judge.removeprefix(LOCAL))  # before torch is loaded for nothing
        from engine.judging.local_model import model_judge

        return model_judge(context.workspace, spec.judge.removeprefix(LOCAL), prompt, context)
    name, model = split_judge(spec.judge)
    endpoint = open_endpoint(context.workspace, name, budget, context)
    if spec.batch:
        return BatchJudge(endpoint, model, context.checkpoints / "batches", prompt=prompt)
    return endpoint_judge(endpoint, model, prompt=prompt)


def _report_health(context: JobContext, ledger: CatalogueLedger, judge: Judge, prepared: Prepared) -> None:
    ids = {contestant.id for contestant in prepared.contestants}
    verdicts = [
        verdict
        for verdict in ledger.all(judge.name)
        if verdict.judge_prompt_sha256 == judge.prompt_sha256
        and {verdict.contestant_a, verdict.contestant_b} <= ids
    ]
    context.event("judge.health", judge=judge.name, **judge_health(verdicts, prepared.contestants).as_dict())
