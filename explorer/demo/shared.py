"""What all tabs of the demo listen to, and how a tab draws itself only while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

# reads the page's theme when an event starts; the theme is the last input of every function that draws a chart
THEME = "(...args) => [...args.slice(0, -1), document.body.classList.contains('dark') ? 'dark' : 'light']"
QUIET = {"concurrency_id": "compute", "api_visibility": "private"}


@dataclass(frozen=True)
class Shared:
    """Components that belong to no tab.

    Attributes:
        picture: the visitor's picture, a path. fit: how it becomes square. seen: the name of the tab in front.
        theme: light or dark, filled in by the page.
    """

    demo: gr.Blocks
    checkpoint: gr.Dropdown
    picture: gr.Image
    fit: gr.Radio
    seen: gr.State
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
        inputs = [self.checkpoint, self.picture, self.fit, *own, self.theme]

        def in_front(seen: str, *values: Any) -> Sequence[Any]:
            return function(*values) if seen == name else [gr.skip()] * len(outputs)

        def to_front(*values: Any) -> tuple:
            return name, *function(*values)

        changes = [self.checkpoint.change, self.picture.change, self.fit.change, *also]
        gr.on(changes, in_front, [self.seen, *inputs], list(outputs), js=THEME, trigger_mode="always_last", **QUIET)
        tab.select(to_front, inputs, [self.seen, *outputs], js=THEME, **QUIET)
        if first:
            self.demo.load(function, inputs, list(outputs), js=THEME, **QUIET)
