"""Names that the user gave to codes, kept by the content of the checkpoint."""

from __future__ import annotations

from explorer import notebook

PLAIN = "learned"  # what stands for a codebook that is part of the checkpoint


def find(model: str, book: str) -> dict[int, str]:
    """Names of the codes of a codebook, by number.

    Args:
        model: fingerprint of the checkpoint. book: which of its codebooks, `of`.
    """
    found = notebook.read(notebook.place("names", model)).get(book, {})
    return {int(code): str(name) for code, name in found.items() if str(code).isdecimal()}


def of(layer: str, fitted: str = "") -> str:
    """What a codebook is called here; one that was fitted later has other codes for other images, so by its content."""
    return f"{layer} {fitted or PLAIN}"


def put(model: str, book: str, code: int, name: str) -> str:
    """Names a code, or takes its name away where that is empty; returns the name as it is kept. BadInput if unfit."""
    name = notebook.named(name, "code") if name.strip() else ""
    with notebook.change(notebook.place("names", model)) as books:
        named = {**books.get(book, {})}
        named.pop(str(code), None)
        if name:
            named[str(code)] = name
        books[book] = dict(sorted(named.items(), key=lambda one: int(one[0])))
        if not named:
            del books[book]
    return name
