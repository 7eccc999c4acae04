"""What all tabs of the demo listen to, and how a tab draws itself only while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

# What only the page knows, read when an event starts: the tab in front (the first input) and the theme (the last).
ASK_PAGE = """(first, ...others) => [
  document.querySelector('[role=tab][aria-selected=true]')?.textContent.trim() ?? first,
  ...others.slice(0, -1),
  document.body.classList.contains('dark') ? 'dark' : 'light',
]"""
# Of what is asked while an answer is awaited, the last is asked afterwards; Gradio's own choice is to forget it.
QUIET = {"concurrency_id": "compute", "api_visibility": "private", "trigger_mode": "always_last"}


@dataclass(frozen=True)
class Shared:
    """Components that belong to no tab.

    Attributes:
        upload: where pictures come in. picture: the path of the one that was accepted. fit: how it becomes square.
        seen: the name of the tab in front. theme: light or dark. Both are filled in by the page.
    """

    demo: gr.Blocks
    checkpoint: gr.Dropdown
    upload: gr.Image
    picture: gr.State
    fit: gr.Radio
    seen: gr.Textbox
    theme: gr.Textbox

    def draw(
        self,
        tab: gr.Tab,
        name: str,
        function: Callable[..., Sequence[Any]],
        own: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
        *,
        first: bool = False,
        also: Sequence[Callable] = (),
    ) -> None:
        """Calls `function(checkpoint, picture, fit, *own, theme)` whenever what the tab shows may have changed.

        That is when the tab comes to the front, when checkpoint or picture change while it is there, and on `also`.

        Args:
            own: the tab's own inputs. outputs: what the function returns, in order.
            first: the tab that is in front when the page opens.
        """
        inputs = [self.seen, self.checkpoint, self.picture, self.fit, *own, self.theme]

        def always(seen: str, *values: Any) -> Sequence[Any]:
            return function(*values)

        def in_front(seen: str, *values: Any) -> Sequence[Any]:
            return function(*values) if seen == name else [gr.skip()] * len(outputs)

        changes = [self.checkpoint.change, self.picture.change, self.fit.change, *also]
        asked = {"inputs": inputs, "outputs": list(outputs), "js": ASK_PAGE, **QUIET}
        gr.on(changes, in_front, **asked)
        tab.select(always, **asked)
        if first:
            self.demo.load(always, **asked)
