"""Several panes answer at the same time: those behind endpoints wait for a network, local ones for each other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from engine.inference.chat.session import ChatSession, Heard

#: Said when a pane begins, before its first piece.
BEGUN: Final = ""


def answer_together(
    session: ChatSession, panes: Sequence[int], stopped: Callable[[int], bool] = lambda _pane: False
) -> Iterator[Heard]:
    """Let panes answer the last prompt; what they say comes as it is said.

    Local models share a processor and answer one after another, in the order of ``panes``; each model of an endpoint
    answers beside them. Each pane's first piece is `BEGUN`. Whoever listens no longer stops all of them.

    Args:
        session: Where they answer.
        panes: Their numbers.
        stopped: Asked several times a second with the number of a pane, in other threads; ends its answer. One that
            is stopped before it has begun says nothing.
    """
    conversation = session.conversation
    here = [pane for pane in panes if conversation.panes[pane].kind == "local"]
    lines = [*([here] if here else []), *([pane] for pane in panes if pane not in here)]
    heard: queue.Queue[Heard | BaseException | None] = queue.Queue()
    left = threading.Event()

    def ends(pane: int) -> bool:
        return left.is_set() or stopped(pane)

    def speak(line: Sequence[int]) -> None:
        try:
            for pane in line:
                if ends(pane):
                    continue
                heard.put(Heard(pane, BEGUN))
                for one in session.answer(pane, lambda pane=pane: ends(pane)):  # type: ignore[misc]
                    heard.put(one)
        except BaseException as error:
            heard.put(error)
        finally:
            heard.put(None)

    threads = [threading.Thread(target=speak, args=(line,), name="chat-pane", daemon=True) for line in lines]
    for thread in threads:
        thread.start()
    try:
        speaking = len(threads)
        while speaking:
            one = heard.get()
            if one is None:
                speaking -= 1
            elif isinstance(one, Heard):
                yield one
            else:
                raise one
    finally:
        left.set()
        for thread in threads:
            thread.join()
