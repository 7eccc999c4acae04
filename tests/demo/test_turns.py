"""Whose event is next where one visitor has asked for very much."""

from types import SimpleNamespace

from explorer.demo import turns


def whose(event):
    return event[0]


def queue(*events):
    return SimpleNamespace(event_queue_per_concurrency_id={"compute": SimpleNamespace(queue=list(events))})


def test_one_event_of_each_visitor_and_again():
    found = queue("a1", "a2", "a3", "b1", "c1", "b2")
    turns.take_turns(found, whose)
    line = found.event_queue_per_concurrency_id["compute"].queue
    assert line == ["a1", "b1", "c1", "a2", "b2", "a3"]
    turns.take_turns(found, whose)
    assert line == ["a1", "b1", "c1", "a2", "b2", "a3"], "each keeps its place while nothing comes"


def test_how_much_one_waits_for():
    found = queue("a1", "a2", "b1")
    assert [turns.waiting(found, who, whose) for who in "abc"] == [2, 1, 0]
