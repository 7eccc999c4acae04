"""Scripts of what can be touched on a sheet, one file each, the same in the app, the demo and the report.

`NAME.js` defines one function, `NAME(root, data, tell, ask)`, called whenever `data`, the JSON of its block, is new:

- `root` is an element that outlives what is drawn; the script keeps its state there, and changes what stands in it.
- `tell(where)` follows the block's `go`, with its `{name}`s filled in by `where`; a name as `to` says which of
  `others` is followed instead.
- `await ask(message)` is what the block's `answer` says to a message, without drawing the page again. One is under way
  at a time; of those that come meanwhile the last is asked next, and the others get null. It throws an Error with one
  sentence where something is wrong, and where nobody answers.
- `root.leave?.()` is called when the element goes for good.

Texts become texts, never HTML.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from explorer.errors import BadInput
from explorer.sheets import Piece

WRONG = "That could not be computed; the server's log has the details."
SCRIPTS: dict[str, str] = {path.stem: path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.js"))}

# `line(send)` is a function `ask` of which one message is under way at a time; `send(number, message)` sends it, and
# `answer(number, value, error)` is called with what comes back.
LINE = """
function line(send) {
  let number = 0, under = null, next = null
  const go = (one) => {
    under = one
    one.number = ++number
    one.timer = setTimeout(() => answer(one.number, null, "The answer does not come; reload the page."), 30000)
    send(one.number, one.message)
  }
  const answer = (of, value, error) => {
    if (!under || of !== under.number) return
    const one = under
    clearTimeout(one.timer)
    under = null
    if (error) one.failed(new Error(error)); else one.done(value)
    if (next) { const later = next; next = null; go(later) }
  }
  const ask = (message) => new Promise((done, failed) => {
    const one = { message, done, failed }
    if (!under) return go(one)
    next?.done(null)
    next = one
  })
  return { ask, answer }
}
"""


def answered(block: Piece, message: Any) -> dict[str, Any]:
    """What a piece's question leads to: its `value`, or an `error` as one sentence."""
    if block.answer is None:
        return {"error": "Nobody answers here; open the app for that."}
    try:
        return {"value": block.answer(message)}
    except BadInput as problem:
        text = str(problem)
        return {"error": f"{text[:1].upper()}{text[1:]}."}
    except Exception:
        logging.getLogger("explorer").exception("a question could not be answered")
        return {"error": WRONG}
