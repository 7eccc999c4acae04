"""What samples of a prior are worth, as JSON: whether they are copied, look like images, and show their class.

What `make` writes:
```
judged: version   prior, kind, dataset, split   n: samples, and as many held-out images   training: images
levels: [name]   cells: of all levels   choices: {temperature, top_k, top_p, guidance, seed}   condition: column or null
copying: {kind, sentence   samples, held_out: {half, nearly: share, mean}   difference, nearly, nearer
          places: {half, nearly, mean}: codes drawn from training for each place alone
          counts: {samples, held_out, places: (cells + 1) maps whose nearest training map shares so many codes}
          pixels: {samples, held_out: mean distance, nearer} or null
          nearest: [{sample, class, share, row, codes: {level: (H, W)}}]   samples nearest to training, most first}
quality: {space, k, n   sets: [{name, precision, recall, density, coverage, frechet}]}
usage: [{layer, codes: K, kl: {samples, held_out, difference}, perplexity, used, uneven: [...]}]
probe: {column, values, fitted, chance, sets: {samples, held_out, samples_seen, held_out_seen: {right, balanced,
        confusion}}   difference} or {missing: sentence}
bits: {samples, held_out, difference, less}   bits per code under the prior
kept: {samples, held_out} share of codes that a decoded map has when it is encoded again, or null
fid: sentence   seconds
```
Shares and means are `{mean, low, high, n}` with 95 % intervals over images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, write_bytes
from explorer.results.judged.asked import MOST as MOST
from explorer.results.judged.asked import Options as Options
from explorer.results.judged.asked import facts_of as facts_of

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 2  # counted up whenever the same input gives other numbers


def key(subject: Subject, options: Options) -> str:
    """Content of the prior, of the encoding, of another encoder, and the choices."""
    from explorer import checkpoints
    from explorer.priors import folder

    prior = folder.fingerprint(facts_of(subject, options).path)
    encoder = checkpoints.fingerprint(checkpoints.resolve(options.encoder)) if options.encoder else ""
    return digest("judged", VERSION, prior, subject.encoding_key, options.n, encoder, options.choices())


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Draws samples, judges them, and writes what is above.

    Args:
        obtain: (kind, subject) -> (path, content) of another result, as `results.obtain`.
    """
    import json

    from explorer.results.judged.judging import judge
    from explorer.results.judged.material import Material

    found = {"judged": VERSION, **judge(Material(subject, options, encoding, obtain, progress))}
    progress.finish("done", "the samples are judged")
    write_bytes(path, json.dumps(_rounded(found), separators=(",", ":"), ensure_ascii=False).encode())


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} holds no judgement of samples or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("judged") != VERSION or "copying" not in found:
        raise BadInput(f"{path.name} holds no judgement of samples; delete it")
    return found


def _rounded(value: Any) -> Any:
    """Numbers to five digits: finer than any interval here; null for what is not known."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.5g}") if value - value == 0 else None
    return value
