"""The judging loop: deal out pairs, ask, store each verdict before the next is asked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from threading import Event, Lock
from typing import Any, Final, Literal

from engine.inference.budget import BudgetReachedError
from engine.inference.endpoint_failures import EndpointStoppedError
from engine.judging.judges import Judge, RoundJudge
from engine.judging.pairs import PairChooser
from engine.judging.verdicts import (
    IDENTICAL,
    Comparison,
    Judgement,
    Question,
    Verdict,
    VerdictLedger,
    is_orderless,
    join,
)
from engine.progress import Reporter, SilentReporter

#: After this many endpoint failures one after another the endpoint is taken to be down.
_FAULTS_IN_A_ROW: Final = 8
#: Seconds between two looks at whether somebody wants to interrupt.
_CHECK_EVERY: Final = 0.2
#: Free verdicts are stored in groups; those that cost money one by one.
_FREE_GROUP: Final = 200

StopReason = Literal["done", "budget", "max_comparisons"]


@dataclass(frozen=True)
class JudgeSummary:
    """What a job did, in however many processes; the command line's JSON of ``judge``.

    Attributes:
        comparisons: Pairs with a usable result, each counted once whatever the number of orders.
        calls: Questions that the judge was asked (repetitions after a failure not counted).
        cached: Questions whose verdict was there already, from another job or for the same texts.
        ties: Comparisons that are a tie.
        failed: Questions asked that brought no usable verdict.
        swap_consistency: Share of the pairs asked in both orders whose verdicts agree; None without any.
        cost_usd: Booked for it, failed calls included.
        stopped: Why it ended: ``done``, ``budget`` or ``max_comparisons``.
    """

    comparisons: int
    calls: int
    cached: int
    ties: int
    failed: int
    swap_consistency: float | None
    cost_usd: float
    stopped: StopReason

    def as_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class JudgingResult:
    """Comparisons made or found, and the summary."""

    comparisons: list[Comparison]
    summary: JudgeSummary


def judge_pairs(
    chooser: PairChooser,
    judge: Judge,
    ledger: VerdictLedger,
    *,
    earlier: Sequence[Verdict] = (),
    parallel: int = 4,
    reporter: Reporter | None = None,
) -> JudgingResult:
    """Judge the pairs that ``chooser`` deals out.

    A verdict in the ledger is never asked for again; a failed one is, once per job. Each verdict that may
    have cost money is in the ledger before its thread asks the next question; a judge that is asked in rounds keeps
    its answers itself until then.

    Args:
        chooser: Deals out the pairs.
        judge: Who is asked.
        ledger: Where verdicts are kept.
        earlier: Verdicts in the ledger that the same job asked for before it was interrupted.
        parallel: Questions asked at one time (1 for a judge that is not an endpoint).
        reporter: Hears of progress and of failed verdicts; may interrupt, and nothing is lost.

    Raises:
        BakeoffError: The judge cannot go on (wrong key, no network, no credit, endpoint down). What was
            judged until then is in the ledger.
    """
    run = _Run(judge, ledger, reporter or SilentReporter(), chooser.total, earlier)
    while not run.budget_reached:
        questions = chooser.next_round(run.comparisons)
        if not questions:
            break
        if isinstance(judge, RoundJudge):
            judge.ask_ahead(run.unknown(questions))
            run.ask_in_turn(questions)
        elif judge.exhaustive:
            run.ask_in_turn(questions)
        else:
            run.ask_in_parallel(questions, parallel)
    reason: StopReason = "budget" if run.budget_reached else "max_comparisons" if chooser.limited else "done"
    return JudgingResult(run.comparisons, run.summary(reason))


class _Run:
    """One run of the loop: the counts of its job, and what its threads share."""

    def __init__(
        self,
        judge: Judge,
        ledger: VerdictLedger,
        reporter: Reporter,
        total: int,
        earlier: Sequence[Verdict],
    ) -> None:
        self.comparisons: list[Comparison] = []
        self.budget_reached = False
        self._judge = judge
        self._ledger = ledger
        self._reporter = reporter
        self._total = total
        self._stored_singly = not judge.exhaustive and not isinstance(judge, RoundJudge)
        self._orders = 1 if is_orderless(judge.name) else 2
        self._lock = Lock()
        self._key_locks: dict[str, Lock] = {}
        #: Verdicts of this job by key, so that a failed one is not asked twice in one job.
        self._asked: dict[str, Verdict] = {verdict.key: verdict for verdict in earlier}
        #: Keys of what the job asked in an earlier process and has not come across in this one.
        self._unmet = set(self._asked)
        self._unstored: list[Verdict] = []
        self._stopping = Event()
        self._faults = 0
        self._done = self._cached = 0
        self._calls = len(self._asked)
        self._failed = sum(verdict.state == "failed" for verdict in self._asked.values())
        self._cost = sum(verdict.cost_usd for verdict in self._asked.values())

    def unknown(self, questions: Sequence[Question]) -> list[Question]:
        """What has to be asked for these, in every order that they need, each text once."""
        found: dict[str, Question] = {}
        for question in questions:
            for asked in (question, question.swapped())[: self._orders]:
                key = self._judge.key(asked)
                known = key in self._asked or any(one.state == "ok" for one in self._ledger.find(key))
                if not question.identical and not known:
                    found.setdefault(key, asked)
        return list(found.values())

    def ask_in_turn(self, questions: Sequence[Question]) -> None:
        """Ask one after another; verdicts are stored in groups."""
        try:
            for question in questions:
                self._reporter.check()
                self._finish(self._compare(question))
        finally:
            self._store()

    def ask_in_parallel(self, questions: Sequence[Question], parallel: int) -> None:
        """Ask from several threads. On an error or interrupt, what is under way is finished and stored."""
        # Results are taken in the order of the questions, so that a later round sees the same order again.
        with ThreadPoolExecutor(max(1, parallel), thread_name_prefix="judge") as pool:
            futures = [pool.submit(self._compare, question) for question in questions]
            try:
                for future in futures:
                    self._finish(self._await(future))
            except BaseException:
                self._stopping.set()
                self._judge.stop()
                for future in futures:
                    future.cancel()
                raise
        self._store()

    def summary(self, stopped: StopReason) -> JudgeSummary:
        """The counts so far."""
        agreeing = [one.consistent for one in self.comparisons if one.consistent is not None]
        return JudgeSummary(
            comparisons=len(self.comparisons),
            calls=self._calls,
            cached=self._cached,
            ties=sum(comparison.winner == "tie" for comparison in self.comparisons),
            failed=self._failed,
            swap_consistency=sum(agreeing) / len(agreeing) if agreeing else None,
            cost_usd=self._cost,
            stopped=stopped,
        )

    def _await(self, future: Future[Comparison | None]) -> Comparison | None:
        while True:
            self._reporter.check()
            finished, _ = wait([future], _CHECK_EVERY, FIRST_COMPLETED)
            if finished:
                return future.result()

    def _finish(self, comparison: Comparison | None) -> None:
        self._done += 1
        if comparison is not None:
            self.comparisons.append(comparison)
        self._reporter.progress(
            self._done,
            self._total,
            "comparisons",
            calls=self._calls,
            cost_usd=round(self._cost, 6),
            failed=self._failed,
        )

    def _compare(self, question: Question) -> Comparison | None:
        """Judge one pair in the orders it needs; None where no usable result came of it."""
        usable: list[Verdict] = []
        for asked in (question, question.swapped())[: self._orders]:
            if self._stopping.is_set() or self.budget_reached:
                return None
            try:
                verdict = self._verdict(asked)
            except BudgetReachedError as error:
                if not self.budget_reached:
                    self.budget_reached = True
                    self._reporter.event("judge.budget", reason=error.message)
                return None
            except EndpointStoppedError:
                return None
            except BaseException:
                self._stopping.set()
                raise
            if verdict.state == "ok":
                usable.append(verdict)
            elif not isinstance(self._judge, RoundJudge):
                # The other order is not paid for while this one cannot be used; in a round it is already.
                return None
        return join(usable)

    def _verdict(self, question: Question) -> Verdict:
        """The stored verdict, or a new one that is stored before this returns."""
        key = self._judge.key(question)
        # Two pairs with the same texts have the same key: the second waits and takes the first's verdict.
        with self._key_lock(key):
            found = self._ledger.find(key)
            usable = [verdict for verdict in found if verdict.state == "ok"]
            mine = next((verdict for verdict in usable if verdict.same_pair(question)), None)
            known = mine or (usable[0] if usable else self._asked.get(key))
            if known is None:
                return self._ask(key, question)
            same_pair = [verdict for verdict in (known, *found) if verdict.same_pair(question)]
            if all(verdict.state != known.state for verdict in same_pair):
                self._keep(known.for_pair(question))
            with self._lock:
                # A call of an earlier process of this job is counted as a call already.
                self._cached += known.state == "ok" and not question.identical and key not in self._unmet
                self._unmet.discard(key)
            return known.for_pair(question)

    def _ask(self, key: str, question: Question) -> Verdict:
        if question.identical:
            judgement = Judgement("tie", IDENTICAL)
        else:
            judgement = self._judge.judge(question)
        verdict = _verdict(key, question, self._judge, judgement)
        self._keep(verdict, paid=self._stored_singly and not question.identical)
        with self._lock:
            self._asked[key] = verdict
            self._calls += not question.identical
            self._cost += judgement.cost_usd
            self._failed += verdict.state == "failed"
            self._faults = self._faults + 1 if judgement.fault else 0
            down = self._faults >= _FAULTS_IN_A_ROW
        if verdict.state == "failed":
            self._reporter.event("judge.failed", prompt_id=question.prompt.id, reason=verdict.reason)
        if down and judgement.fault is not None:
            raise judgement.fault
        return verdict

    def _keep(self, verdict: Verdict, *, paid: bool = False) -> None:
        with self._lock:
            self._unstored.append(verdict)
            full = paid or len(self._unstored) >= _FREE_GROUP
        if full:
            self._store()

    def _store(self) -> None:
        with self._lock:
            if self._unstored:
                self._ledger.add(self._unstored)
                self._unstored = []

    def _key_lock(self, key: str) -> Lock:
        with self._lock:
            return self._key_locks.setdefault(key, Lock())


def _verdict(key: str, question: Question, judge: Judge, judgement: Judgement) -> Verdict:
    first, second = question.first, question.second
    return Verdict(
        key=key,
        prompt_id=question.prompt.id,
        contestant_a=first.id,
        contestant_b=second.id,
        name_a=first.name,
        name_b=second.name,
        entrant_a=first.entrant,
        entrant_b=second.entrant,
        judge=judge.name,
        judge_prompt_sha256=judge.prompt_sha256,
        state="failed" if judgement.winner is None else "ok",
        winner=judgement.winner,
        judge_snapshot=judgement.snapshot,
        explanation=judgement.explanation,
        reason=judgement.reason,
        input_tokens=judgement.input_tokens,
        output_tokens=judgement.output_tokens,
        cost_usd=judgement.cost_usd,
        seconds=judgement.seconds,
    )
