"""Visitors' turns in the queue of events: one of each, and again, so that nobody waits for all that another asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

WAITING, WAITING_EACH = 100, 50  # events in the queue, of all visitors and of one; more are to come back later
BYTES, BYTES_EACH = 512 * 1024**2, 128 * 1024**2  # of what they hold, pictures above all
SIZE = "explorer.bytes"  # under which a request says how many it has

Who = Callable[[Any], str]  # whose an event is


def full(queue: Any, asks: str, size: int, who: Who) -> bool:
    """Whether Gradio's queue holds as many events of a visitor, or as many bytes with `size` more, as it may."""
    waiting = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
    theirs = [event for event in waiting if who(event) == asks]
    held, of_all = (size + sum(map(_bytes, events)) for events in (theirs, waiting))
    return len(theirs) >= WAITING_EACH or held > BYTES_EACH or of_all > BYTES


def _bytes(event: Any) -> int:
    return event.request.scope.get(SIZE, 0)


def take_turns(queue: Any, who: Who) -> None:
    """Puts Gradio's queue into rounds, one event of each visitor in each; those of one visitor keep their order."""
    for line in queue.event_queue_per_concurrency_id.values():
        before: Counter[str] = Counter()
        rounds = []
        for event in line.queue:
            rounds.append(before[who(event)])
            before[who(event)] += 1
        order = sorted(range(len(rounds)), key=rounds.__getitem__)
        line.queue[:] = [line.queue[at] for at in order]
