"""A property that is made once, when it is asked for first; who asks for another one never waits.

`functools.cached_property` of Python 3.11 holds one lock for all instances of a class while it makes one, so that a
slow file of one visitor would stop the pages of all; from 3.12 on it has none.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:
    import functools

    class cached_property(functools.cached_property):
        """As that of Python 3.12: where two ask at once, both make it, and the one that ends last is kept."""

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            found = instance.__dict__
            if self.attrname not in found:
                found[self.attrname] = self.func(instance)
            return found[self.attrname]


__all__ = ["cached_property"]
