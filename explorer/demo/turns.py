"""Visitors' turns in the queue of events: one of each, and again, so that nobody waits for all that another asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

WAITING, WAITING_EACH = 100, 50  # events in the queue, of all visitors and of one; more are to come back later

Who = Callable[[Any], str]  # whose an event is


def waiting(queue: Any, asks: str, who: Who) -> int:
    """How many events of a visitor are in Gradio's queue."""
    return sum(who(event) == asks for line in queue.event_queue_per_concurrency_id.values() for event in line.queue)


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
