"""What all tabs of the demo listen to, and how a tab draws itself only while it is looked at."""

from __future__ import annotations

from collections.abc import Callable
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
# What says where it was: of an event that it puts off, Gradio forgets that.
EACH = QUIET | {"trigger_mode": "multiple"}


@dataclass(frozen=True)
class Shared:
    """Components that belong to no tab.

    Attributes:
        upload: where pictures come in. picture: the path of the one that was accepted. fit: how it becomes square.
        carried: what a visitor chose and clicked, for which checkpoint; every visitor has one of their own.
        seen: the name of the tab in front. theme: light or dark. Both are filled in by the page.
    """

    demo: gr.Blocks
    checkpoint: gr.Dropdown
    upload: gr.Image
    picture: gr.State
    fit: gr.Radio
    carried: gr.State
    seen: gr.Textbox
    theme: gr.Textbox

    def draw(self, tab: gr.Tab, name: str, function: Callable[..., str], page: gr.HTML, *, first: bool = False) -> None:
        """Calls `function(checkpoint, picture, fit, carried, theme)` whenever what the tab shows may have changed.

        That is when the tab comes to the front, and when any of these change while it is there.

        Args:
            name: the title of the tab. page: where what the function returns is shown.
            first: the tab that is in front when the page opens.
        """
        inputs = [self.seen, self.checkpoint, self.picture, self.fit, self.carried, self.theme]

        def always(seen: str, *values: Any) -> Any:
            return function(*values)

        def in_front(seen: str, *values: Any) -> Any:
            return function(*values) if seen == name else gr.skip()

        changes = [self.checkpoint.change, self.picture.change, self.fit.change, self.carried.change]
        asked = {"inputs": inputs, "outputs": page, "js": ASK_PAGE, "show_progress": "minimal", **QUIET}
        gr.on(changes, in_front, **asked)
        tab.select(always, **asked)
        if first:
            self.demo.load(always, **asked)
