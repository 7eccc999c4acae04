"""Two tabs of one browser, each with its own checkpoint: nothing of one is ever seen in the other."""

from __future__ import annotations

import hashlib

NAMES = ("vqvae-shapes", "vqvae2-shapes")


def shown(page, settle) -> tuple[str, list[str], list[str]]:
    """Whose page it is, its metrics, and the content of its pictures."""
    settle(page)
    page.get_by_test_id("stMetric").filter(has_text="Mean PSNR").wait_for()
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.st-key-cards img')];"
        " return all.length > 0 && all.every(one => one.complete && one.naturalWidth > 0) }"
    )
    pictures = page.locator(".st-key-cards img").evaluate_all(
        "all => Promise.all(all.slice(0, 6).map(one => fetch(one.src).then(answer => answer.arrayBuffer())"
        ".then(bytes => [...new Uint8Array(bytes)].join())))"
    )
    metrics = page.get_by_test_id("stMetric").all_inner_texts()
    return page.title(), metrics, [hashlib.sha256(one.encode()).hexdigest() for one in pictures]


def test_two_tabs_with_two_checkpoints_never_mix(page, app_url, settle):
    other = page.context.new_page()
    tabs = dict(zip(NAMES, (page, other), strict=True))
    for name, tab in tabs.items():  # both at once: neither is waited for
        tab.goto(f"{app_url}/?checkpoint={name}", wait_until="commit")
    first = {name: shown(tab, settle) for name, tab in tabs.items()}
    assert all(name in first[name][0] for name in NAMES)
    assert first[NAMES[0]][1] != first[NAMES[1]][1] and first[NAMES[0]][2] != first[NAMES[1]][2]
    for name, tab in zip(reversed(NAMES), tabs.values(), strict=True):  # each takes the checkpoint of the other
        tab.goto(f"{app_url}/?checkpoint={name}", wait_until="commit")
    for name, tab in zip(reversed(NAMES), tabs.values(), strict=True):
        assert shown(tab, settle) == first[name]
    assert page.errors == []
    other.close()
