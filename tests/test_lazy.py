"""What is made when it is asked for first, of one thing while another one's takes long."""

import threading

from explorer.lazy import cached_property


class Slow:
    def __init__(self, wait=None):
        self.wait, self.made = wait, 0

    @cached_property
    def images(self):
        """Of a dataset."""
        self.made += 1
        if self.wait is not None:
            assert self.wait.wait(10)
        return object()


def test_who_asks_for_another_one_never_waits():
    over, quick = threading.Event(), Slow()
    slow = Slow(over)
    thread = threading.Thread(target=lambda: slow.images)
    thread.start()
    asked = threading.Thread(target=lambda: quick.images)
    asked.start()
    asked.join(5)
    assert not asked.is_alive() and quick.made == 1
    over.set()
    thread.join()


def test_it_is_made_once_and_can_be_given():
    one, other = Slow(), Slow()
    assert one.images is one.images and one.made == 1 and Slow.images.__doc__ == "Of a dataset."
    other.__dict__["images"] = 3
    assert other.images == 3 and other.made == 0
