"""The large parts of a page packed into one, so that a file that holds everything can be sent by mail.

A browser unpacks them without a network (`SCRIPT`): `unpacked(id)` is a promise of the text of an element.
"""

from __future__ import annotations

import base64
import gzip
import json
import re

LEAST = 2_000  # letters of an attribute that is packed
_LARGE = re.compile(rf" data-(light|dark|tiles|piece)='([^']{{{LEAST},}})'")
_NUMBERS = re.compile(r'"bdata":"([^"]{200,})"')

SCRIPT = """
const unpacked = async (id) => {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (one) => one.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
};
const unpack = async () => {
  const [numbers, large] = JSON.parse(await unpacked('large'));
  for (const holder of document.querySelectorAll('[data-packed]'))
    for (const [name, at] of Object.entries(JSON.parse(holder.dataset.packed)))
      holder.dataset[name] = large[at].replace(/"bdata":"#(\\d+)"/g, (_, one) => `"bdata":"${numbers[one]}"`);
};
"""


def packed(text: str) -> str:
    """Text in gzip and base64."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def taken_out(page: str) -> tuple[str, str]:
    """A page without its large figures and thumbnails, and these packed; what two figures share is there once."""
    numbers: dict[str, int] = {}
    large: list[str] = []

    def known(found: re.Match[str]) -> str:
        return f'"bdata":"#{numbers.setdefault(found[1], len(numbers))}"'

    def attributes(found: re.Match[str]) -> str:
        places = {}
        for name, value in _LARGE.findall(found[0]):
            plain = value.replace("&#39;", "'").replace("&lt;", "<").replace("&amp;", "&")
            places[name] = len(large)
            large.append(_NUMBERS.sub(known, plain))
        return f" data-packed='{json.dumps(places)}'"

    page = re.sub(f"(?:{_LARGE.pattern})+", attributes, page)
    return page, packed(json.dumps([list(numbers), large]))
