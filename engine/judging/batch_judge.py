"""A judge behind an endpoint that is asked a whole round of questions at once, as a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.inference.batches.calls import BatchCalls, Call
from engine.inference.budget import BudgetReachedError
from engine.inference.completion import Completion
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError
from engine.judging.model_judge import MAX_TOKENS, endpoint_judge, judgement_of
from engine.judging.prompt import VERDICT_SCHEMA, JudgePrompt
from engine.judging.verdicts import Judgement, Question


class BatchJudge:
    """The judge of `engine.judging.model_judge.endpoint_judge`, its questions sent together.

    It is the same judge: what one has judged, the other does not ask again.

    Args:
        endpoint: Whom to ask.
        model: A name that the endpoint knows.
        folder: Where batches under way are noted (see `engine.inference.batches.calls.BatchCalls`).
        prompt: The judge prompt.
        first_look: Seconds until the first look at how far a batch is.

    Raises:
        PriceError: The model has no known price.
    """

    exhaustive = False

    def __init__(
        self, endpoint: Endpoint, model: str, folder: Path, *, prompt: JudgePrompt, first_look: float = 2.0
    ) -> None:
        self._judge = endpoint_judge(endpoint, model, prompt=prompt)
        self._calls = BatchCalls(endpoint, model, folder, max_tokens=MAX_TOKENS, first_look=first_look)
        self._answers: dict[str, Completion | EndpointError] = {}

    @property
    def name(self) -> str:
        """As of the judge that is asked one by one."""
        return self._judge.name

    @property
    def prompt_sha256(self) -> str:
        """Hash of the judge prompt."""
        return self._judge.prompt_sha256

    def key(self, question: Question) -> str:
        """As of the judge that is asked one by one."""
        return self._judge.key(question)

    def ask_ahead(self, questions: Sequence[Question]) -> None:
        """Have these answered, which takes up to a day; `judge` gives the answers then.

        Raises:
            BakeoffError: Nobody can be asked.
        """
        prompt = self._judge.prompt
        calls = [Call(self.key(one), prompt.messages(one), VERDICT_SCHEMA) for one in questions]
        self._answers |= self._calls.complete(calls)

    def judge(self, question: Question) -> Judgement:
        """The answer of the batch.

        Raises:
            BudgetReachedError: The question was not sent, as the budget had no room for it.
        """
        answer = self._answers.pop(self.key(question), None)
        if answer is None:
            raise BudgetReachedError(
                "budget.batch",
                "The budget has no room for all questions of the batch.",
                fix="Continue with a larger budget; what is paid for is kept and not asked again.",
            )
        if isinstance(answer, EndpointError):
            return Judgement(None, reason=answer.message, cost_usd=answer.cost_usd)
        return judgement_of(answer)

    def stop(self) -> None:
        """Give up waiting."""
        self._judge.stop()

    def cancel(self) -> None:
        """Give up the batches under way."""
        self._calls.cancel()
