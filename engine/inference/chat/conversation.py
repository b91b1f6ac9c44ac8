"""A conversation with several models: who took part, what was asked, what each answered, and which was better."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.inference.chat.errors import ChatError
from engine.inference.sampling import Sampling


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
        stop: ``stop``, ``length``, ``stopped`` by the user, or what an endpoint says.
        prompt_tokens: Of all that it was shown, ``cached_tokens`` of them known from the turn before.
        first_seconds: Until the first text.
        refusal: What an endpoint's model said instead of answering.
        snapshot: The exact model that answered, as an endpoint says.
        sha256: Of the file that answered, ``quantisation`` its own; empty for endpoints.
        left_out: So many of the oldest turns it was not shown.
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
    refusal: str = ""
    snapshot: str = ""
    sha256: str = ""
    quantisation: str = ""
    left_out: int = 0

    @property
    def comparable(self) -> bool:
        """Whether it can be better or worse than another: it has text, and was neither withheld nor broken off."""
        return bool(self.text.strip()) and self.stop not in ("refusal", "content_filter", "stopped")

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

    @property
    def comparable(self) -> list[int]:
        """The panes whose answers can be compared."""
        return [pane for pane, answer in sorted(self.answers.items()) if answer.comparable]


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

    def messages(self, pane: int, turn: int, *, left_out: int | None = None) -> list[dict[str, Any]]:
        """What a pane is shown to answer a turn: of the earlier ones, those that it has answered.

        Args:
            pane: Its number.
            turn: Number of the turn.
            left_out: So many of the oldest turns are not shown; None: as many as are left out now.
        """
        begin = self.panes[pane].left_out if left_out is None else left_out
        shown = [{"role": "system", "content": self.system}] if self.system else []
        for earlier in self.turns[begin:turn]:
            answer = earlier.answers.get(pane)
            if answer is not None and answer.text:
                shown.append({"role": "user", "content": earlier.prompt})
                shown.append({"role": "assistant", "content": answer.text})
        return [*shown, {"role": "user", "content": self.turns[turn].prompt}]

    def remember_files(self) -> None:
        """Let every answer know which file gave it, before another one goes on."""
        for turn in self.turns:
            for pane, answer in turn.answers.items():
                answer.sha256 = answer.sha256 or self.panes[pane].sha256
                answer.quantisation = answer.quantisation or self.panes[pane].quantisation

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
        answer = turn.answers.get(pane)
        return len(turn.prompt) + len(answer.text) if answer is not None and answer.text else 0

    def vote(self, better: int | Literal["tie"]) -> None:
        """Say whose answer to the last prompt is better.

        Raises:
            ChatError: There are no two answers that can be compared, or the pane has none.
        """
        whole = self.turns[-1].comparable if self.turns else []
        if len(whole) < 2:
            raise ChatError(
                "chat.vote_early",
                "There are no two answers to compare.",
                fix="Answers that were refused, stopped or left empty count for nothing; ask again or /regenerate.",
            )
        if better != "tie" and better not in whole:
            raise ChatError(
                "chat.vote_pane",
                "There is no answer {number} to the last prompt that can be compared.",
                fix="Vote for one of {known}, or tie.",
                number=better + 1,
                known=", ".join(str(number + 1) for number in whole),
            )
        self.turns[-1].vote = better

    def examples(self, pane: int | None = None) -> list[dict[str, Any]]:
        """Examples for a dataset, in OpenAI's chat form.

        Args:
            pane: Everything that was said with this one, as one example; None: each answer that won a vote, with
                what its model was shown.
        """
        if pane is None:
            return [
                self._example(turn.vote, number, turn.answers[turn.vote].left_out)
                for number, turn in enumerate(self.turns)
                if isinstance(turn.vote, int) and turn.vote in turn.comparable
            ]
        answered = [number for number, turn in enumerate(self.turns) if self._said(pane, turn)]
        return [self._example(pane, answered[-1], 0)] if answered else []

    def _example(self, pane: int, turn: int, left_out: int) -> dict[str, Any]:
        answer = {"role": "assistant", "content": self.turns[turn].answers[pane].text}
        return {"messages": [*self.messages(pane, turn, left_out=left_out), answer]}

    def _said(self, pane: int, turn: Turn) -> bool:
        return pane in turn.answers and bool(turn.answers[pane].text)
