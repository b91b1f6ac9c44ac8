"""A conversation with several models: who took part, what was asked, what each answered, and which was better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import Words
from engine.inference.chat.errors import ChatError
from engine.inference.sampling import Sampling

#: Stops with which a model, or whoever watches over it, has not answered.
_WITHHELD: Final = {
    "refusal": Words("the model refused"),
    "content_filter": Words("a filter withheld it"),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Pane(_Part):
    """One who answers.

    Attributes:
        name: As asked for.
        kind: ``local``, a GGUF file; ``api``, a model behind an endpoint.
        file: The exact GGUF file.
        sha256: Of the file.
        quantisation: Of the file.
        model: What the endpoint calls it.
        context: Tokens of a conversation at most; None: unknown.
        left_out: So many of the oldest turns are not shown to it any more.
    """

    name: str
    kind: Literal["local", "api"]
    file: str = ""
    sha256: str = ""
    quantisation: str = ""
    model: str = ""
    context: int | None = None
    left_out: int = Field(default=0, ge=0)


class Answer(_Part):
    """What one pane said in a turn.

    Attributes:
        stop: ``stop``, ``length``, ``stopped`` by the user, ``refusal``, or what an endpoint says.
        prompt_tokens: Of all that it was shown, ``cached_tokens`` of them known from the turn before.
        first_seconds: Until the first text.
        sha256: Of the GGUF file that answered; the pane may have another one by now.
        quantisation: Of that file.
        snapshot: The exact model that answered, as an endpoint says.
        left_out: So many of the oldest turns it was not shown.
        system: The system message that it was shown; None in conversations of before that was kept.
    """

    text: str
    stop: str
    prompt_tokens: int
    cached_tokens: int = 0
    tokens: int
    first_seconds: float
    seconds: float
    cost_usd: float = 0.0
    sampling: Sampling
    sha256: str = ""
    quantisation: str = ""
    snapshot: str = ""
    left_out: int = 0
    system: str | None = None

    @property
    def said(self) -> bool:
        """Whether it goes on with the conversation: a refusal is no answer, and nor is an empty text."""
        return bool(self.text.strip()) and self.stop not in _WITHHELD

    @property
    def comparable(self) -> bool:
        """Whether it can win or lose a vote, and be an example: it is an answer, and nobody stopped it."""
        return not self.fault

    @property
    def fault(self) -> str:
        """Why it is not `comparable`, as a clause; empty where it is."""
        if self.stop == "stopped":
            return Words("it was stopped")
        if self.stop in _WITHHELD:
            return _WITHHELD[self.stop]
        if self.text.strip():
            return ""
        # A model that reasons first spends tokens that nobody sees.
        if self.stop == "length":
            return Words("it was cut off at the longest length before a word was said")
        return Words("it is empty")

    @property
    def tokens_per_second(self) -> float:
        """Tokens after the first, per second."""
        rest = self.seconds - self.first_seconds
        return (self.tokens - 1) / rest if self.tokens > 1 and rest > 0 else 0.0


class Turn(_Part):
    """A prompt and what was answered to it.

    Attributes:
        answers: By the number of the pane, from 0.
        failures: Why a pane has not answered, in a sentence.
        vote: The number of the better pane, or ``tie``.
    """

    prompt: str
    answers: dict[int, Answer] = Field(default_factory=dict)
    failures: dict[int, str] = Field(default_factory=dict)
    vote: int | Literal["tie"] | None = None


class Conversation(_Part):
    """All of it, as it is saved.

    Attributes:
        created: Seconds since the epoch.
    """

    id: str
    created: float
    panes: list[Pane]
    system: str = ""
    sampling: Sampling = Sampling()
    max_new_tokens: int | None = None
    turns: list[Turn] = Field(default_factory=list)

    def messages(self, pane: int, turn: int) -> list[dict[str, Any]]:
        """What a pane is shown to answer a turn: of the earlier ones, those that it has answered.

        One that it refused, or that a filter withheld, is not shown to it again: in the place of an answer it would
        stand there as if the model had been content with it, and endpoints differ in how they take refusals.
        """
        begin = self.panes[pane].left_out
        before = [one for one in self.turns[begin:turn] if _said(pane, one)]
        return self._messages(pane, turn, before, self.system)

    def _messages(self, pane: int, turn: int, before: list[Turn], system: str) -> list[dict[str, Any]]:
        shown = [{"role": "system", "content": system}] if system else []
        for earlier in before:
            shown.append({"role": "user", "content": earlier.prompt})
            shown.append({"role": "assistant", "content": earlier.answers[pane].text})
        return [*shown, {"role": "user", "content": self.turns[turn].prompt}]

    def leave_out(self, pane: int, turns: int) -> None:
        """Do not show the oldest so many turns to a pane any more.

        Raises:
            ChatError: There are not so many before the last one.
        """
        most = max(len(self.turns) - 1, 0)
        if not 0 <= turns <= most:
            raise ChatError(
                "chat.trim",
                "{count} turns cannot be left out: there are {most} before the last one.",
                fix="Name a number from 0 to {most}.",
                count=turns,
                most=most,
            )
        self.panes[pane].left_out = turns

    def to_leave_out(self, pane: int) -> int:
        """How many of the oldest turns, with those that are left out already, make up half of what a pane is shown.

        Measured in characters; at least one more than now, as long as there is one before the last.
        """
        begin, last = self.panes[pane].left_out, len(self.turns) - 1
        sizes = [self._size(pane, turn) for turn in self.turns[begin:last]]
        dropped = 0
        for number, size in enumerate(sizes, start=begin + 1):
            dropped += size
            if 2 * dropped >= sum(sizes):
                return number
        return max(min(begin + 1, last), 0)

    def _size(self, pane: int, turn: Turn) -> int:
        return len(turn.prompt) + len(turn.answers[pane].text) if _said(pane, turn) else 0

    def vote(self, better: int | Literal["tie"]) -> None:
        """Say whose answer to the last prompt is better.

        Raises:
            ChatError: There are no two answers that can be compared yet, or the better one is none of them.
        """
        answers = self.turns[-1].answers if self.turns else {}
        known = [number for number, answer in sorted(answers.items()) if answer.comparable]
        if len(answers) < 2:
            raise ChatError(
                "chat.vote_early",
                "There are no two answers to compare yet.",
                fix="Ask something first, with two models at least.",
            )
        if len(known) < 2:
            raise ChatError(
                "chat.vote_unfit",
                "There are no two answers to compare: {faults}.",
                fix="Let them answer again.",
                faults=_listed(
                    Words("answer {number} does not count ({fault})", number=number + 1, fault=answer.fault)
                    for number, answer in sorted(answers.items())
                    if not answer.comparable
                ),
            )
        if better != "tie" and better not in known:
            raise ChatError(
                "chat.vote_pane",
                "There is no answer {number} to the last prompt."
                if better not in answers
                else "Answer {number} cannot win: {fault}.",
                fix="Vote for one of {known}, or tie.",
                number=better + 1,
                fault=answers[better].fault if better in answers else "",
                known=", ".join(str(number + 1) for number in known),
            )
        self.turns[-1].vote = better

    def examples(self, pane: int | None = None) -> list[dict[str, Any]]:
        """Examples for a dataset, in OpenAI's chat form; answers that are not `Answer.comparable` are in none.

        Args:
            pane: Everything that was said with this one, as one example; None: each answer that won a vote, with
                what its model was shown.
        """
        if pane is None:
            return [
                self._example(turn.vote, number, turn.answers[turn.vote].left_out)
                for number, turn in enumerate(self.turns)
                if isinstance(turn.vote, int) and _comparable(turn.vote, turn)
            ]
        answered = [number for number, turn in enumerate(self.turns) if _comparable(pane, turn)]
        return [self._example(pane, answered[-1], 0)] if answered else []

    def not_in_examples(self, pane: int | None = None) -> int:
        """How many answers `examples` leaves out of what it was asked for."""
        wanted = [(turn.vote if pane is None else pane, turn) for turn in self.turns]
        return sum(
            isinstance(number, int) and number in turn.answers and not _comparable(number, turn)
            for number, turn in wanted
        )

    def _example(self, pane: int, turn: int, left_out: int) -> dict[str, Any]:
        before = [one for one in self.turns[left_out:turn] if _comparable(pane, one)]
        given = self.turns[turn].answers[pane]
        system = self.system if given.system is None else given.system
        answer = {"role": "assistant", "content": given.text}
        return {"messages": [*self._messages(pane, turn, before, system), answer]}


def _said(pane: int, turn: Turn) -> bool:
    return pane in turn.answers and turn.answers[pane].said


def _comparable(pane: int, turn: Turn) -> bool:
    return pane in turn.answers and turn.answers[pane].comparable


def _listed(clauses: Iterable[Words]) -> str:
    """Clauses one after the other."""
    found: str = ""
    for clause in clauses:
        found = Words("{first}, and {last}", first=found, last=clause) if found else clause
    return found
