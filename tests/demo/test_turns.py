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


def test_how_many_and_how_much_one_waits_for():
    class Event(str):
        def __new__(cls, name, size):
            one = super().__new__(cls, name)
            one.request = SimpleNamespace(scope={turns.SIZE: size})
            return one

    found = queue(*[Event("a", 10)] * turns.WAITING_EACH, Event("b", turns.BYTES_EACH - 5), *[Event("c", 0)] * 3)
    assert [turns.full(found, who, 5, whose) for who in "abcd"] == [True, False, False, False]
    assert turns.full(found, "b", 6, whose) and turns.full(found, "d", turns.BYTES_EACH + 1, whose)
    many = queue(*[Event(name, turns.BYTES_EACH) for name in "abcd"])
    assert turns.full(many, "e", 1, whose)
