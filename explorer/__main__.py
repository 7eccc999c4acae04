"""The command line: `explorer …` and `python -m explorer …` are the same.

With `--json`, standard output is one JSON object and nothing else; progress goes to standard error. Exit codes: 0 done,
2 bad input with one line on standard error, 130 stopped by SIGTERM or Ctrl-C with everything so far kept, 1 a bug.
Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from explorer.errors import BadInput, Cancelled
from explorer.files import read_json, write_json
from explorer.progress import STATUS_VARIABLE, Progress
from explorer.turns import hold, wait_for_turn

_stdout = 1  # the descriptor that results go to

app = typer.Typer(
    help="Do the codes of an image autoencoder capture concepts? Train, encode, measure.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CheckpointName = Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A name under checkpoints/, or a path.")]
Dataset = Annotated[str, typer.Option("--dataset", help="A named dataset, a folder of images, a zip, or Parquet.")]
Split = Annotated[str, typer.Option(help="Which part of the dataset.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use a random sample of LIMIT images, always the same.")]
Kmeans = Annotated[int, typer.Option(min=2, help="Codes of the k-means codebook of a continuous layer.")]
Fit = Annotated[str, typer.Option(help="crop: the centre square; pad: borders around the whole image.")]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda, cuda:0 …")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command("list")
def list_checkpoints(as_json: Json = False) -> None:
    """Checkpoints that are there: shipped and own."""
    from explorer import checkpoints

    found = checkpoints.find()
    keys = ("name", "family", "dataset", "image_size", "layers", "parameters", "metrics", "state", "path")
    rows = [{key: getattr(checkpoint, key) for key in keys} for checkpoint in found]
    lines = [
        f"{row['name']:<24} {row['family']:<8} {row['dataset'] or '-':<16} {row['parameters']:>12,}" for row in rows
    ]
    heading = f"{'name':<24} {'family':<8} {'dataset':<16} {'parameters':>12}"
    _emit({"checkpoints": rows}, as_json, [heading, *lines] if rows else [f"no checkpoints in {checkpoints.folder()}"])


@app.command()
def inspect(
    path: Annotated[str, typer.Argument(help="A folder, or a name under checkpoints/.")], as_json: Json = False
):
    """What this is, read without running or trusting it."""
    from explorer import checkpoints

    checkpoint = checkpoints.describe(_checkpoint(path))
    if checkpoint.state == "done" or (checkpoint.path / checkpoints.WEIGHTS).exists():
        checkpoints.load(checkpoint.path)  # says what is wrong with the weights; a run that just began has none
    facts = dataclasses.asdict(checkpoint)
    lines = [f"{key}: {facts[key]}" for key in ("format", "family", "image_size", "dataset", "parameters", "state")]
    lines += [
        f"layer {layer['name']}: grid {' × '.join(map(str, layer['grid']))}, dim {layer['dim']}, codes {layer['codes']}"
        for layer in facts["layers"]
    ]
    lines += facts["notes"]
    _emit(facts, as_json, lines)


@app.command()
def train(
    family: Annotated[str, typer.Argument(help="vqvae, vqvae2, vae or mae.")],
    dataset: Dataset,
    out: Annotated[Path | None, typer.Option(help="Folder of the new checkpoint. [FAMILY-DATASET]")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the model or of the training.")
    ] = None,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    as_json: Json = False,
) -> None:
    """Trains a model; SIGTERM or Ctrl-C saves and stops, `--resume` goes on."""
    from explorer import checkpoints, settings, training
    from explorer.analysis.quality import worded

    model_settings, options = settings.split(family, set_ or [])
    options |= {"device": device} if device != "auto" else {}
    options |= {"steps": steps} if steps is not None else {}
    folder = (out or checkpoints.folder() / f"{family}-{Path(dataset).stem}").absolute()
    if not hold(f"target-{folder.resolve()}"):
        raise BadInput(f"'{folder.name}' is being written by another training; stop it or choose another --out")
    if not resume:
        settings.check(family, dataset, model_settings, options)
    total = options.get("steps", training.TrainingConfig().steps)
    with _cancellable(Progress(total, "steps")) as progress:
        result = training.train(
            family, dataset, folder, settings=model_settings, training=options, resume=resume, progress=progress
        )
    lines = [f"{result['checkpoint']}: {result['state']}, {result['steps']:,} steps in {result['seconds']:.0f} s"]
    for name, unit, digits in (("psnr", " dB", 2), ("ssim", "", 3)):
        score = result["metrics"].get(name)
        if isinstance(score, dict):
            lines.append(f"held-out {name}: {worded(score, digits)}{unit} ({score['n']:,} images, 95 % interval)")
    _emit(result, as_json, lines)
    if result["state"] == "stopped":
        raise typer.Exit(130)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="org/name on the Hugging Face Hub, with /subfolder or @revision.")],
    as_json: Json = False,
) -> None:
    """Downloads a checkpoint from the Hugging Face Hub: the files that are needed, and no others."""
    from explorer.foreign import hub

    with _cancellable(Progress(0, "bytes")) as progress:
        path, size = hub.download(name, progress)
    _emit({"checkpoint": path, "bytes": size}, as_json, [f"{name}: {size / 1e6:,.1f} MB in {path}"])


@app.command()
def encode(
    checkpoint: CheckpointName,
    dataset: Dataset,
    split: Split = "test",
    limit: Limit = None,
    kmeans: Kmeans = 64,
    fit: Fit = "crop",
    out: Annotated[Path | None, typer.Option(help="A .lance folder. [the cache]")] = None,
    device: Device = "auto",
    compact: Annotated[bool, typer.Option(help="Half precision and no index: a third of the size.")] = False,
    as_json: Json = False,
) -> None:
    """Writes codes, latents, errors and concepts of every image as a Lance dataset."""
    started = time.perf_counter()
    found = _encoding(checkpoint, dataset, split, limit, kmeans, fit, out=out, device=device, compact=compact)
    seconds = time.perf_counter() - started
    result = {"encoding": found.path, "images": found.images, "seconds": seconds}
    result["images_per_second"] = found.facts["images_per_second"]
    _emit(result, as_json, [f"{found.path}: {found.images:,} images in {seconds:.1f} s"])


@app.command()
def reconstruct(
    checkpoint: CheckpointName,
    image: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Image files.")],
    out: Annotated[Path, typer.Option(help="Folder for the PNG files.")],
    fill: Annotated[
        str, typer.Option(help="What fills the layers left out: mean, zeros, or other (those of the image before).")
    ] = "mean",
    fit: Fit = "crop",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Writes originals, reconstructions, and for several layers each prefix of them and each layer alone."""
    from explorer import checkpoints, reconstruction
    from explorer.analysis import layers

    path = _checkpoint(checkpoint)
    checkpoints.describe(path)
    with _cancellable(Progress(len(image), "images", quiet=not sys.stderr.isatty())) as progress:
        written, skipped = reconstruction.write(path, image, out, fill=fill, fit=fit, device=device, progress=progress)
        progress.finish()
    for entry in skipped:
        print(f"skipped {entry['path']}: {entry['reason']}", file=sys.stderr)
    lines = [f"{entry['reconstruction']}: PSNR {entry['psnr']:.2f} dB, SSIM {entry['ssim']:.3f}" for entry in written]
    if any(entry["layers"] for entry in written):
        lines.append(f"layers left out are filled with {layers.FILLS[fill]}")
    _emit({"images": written, "skipped": skipped, "fill": fill}, as_json, lines)


@app.command()
def usage(
    checkpoint: CheckpointName,
    dataset: Dataset,
    split: Split = "test",
    limit: Limit = None,
    kmeans: Kmeans = 64,
    fit: Fit = "crop",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Codebook statistics of each layer, counted over a dataset."""
    from explorer.analysis.usage import measure

    found = _encoding(checkpoint, dataset, split, limit, kmeans, fit, device=device)
    layers = []
    for layer in found.layers:
        facts = dataclasses.asdict(measure(found.usage(layer.name), found.images))
        layers.append({"name": layer.name, "codebook": found.codebook(layer.name).kind, **facts})
    lines = [
        f"{row['name']}: {row['used']:,} of {row['codes']:,} codes used, perplexity {row['perplexity']:.1f} "
        f"(at most {row['uniform_perplexity']:.1f}), {row['entropy_bits']:.2f} bits, {row['tokens']:,} tokens "
        f"of {row['images']:,} images, {row['codebook']} codebook"
        for row in layers
    ]
    _emit({"layers": layers, "images": found.images, "encoding": found.path}, as_json, lines)


@app.command()
def measure(
    what: Annotated[str, typer.Argument(help="layers, rates or codecs.")],
    checkpoint: CheckpointName,
    dataset: Dataset,
    split: Split = "test",
    limit: Limit = None,
    fit: Fit = "crop",
    fill: Annotated[
        str | None, typer.Option(help="With 'layers': mean, zeros or other, for the layers left out. [mean]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A .json file. [the cache]")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measures what each layer adds, or quality against bits: of a model, or of JPEG and WebP at its image size."""
    from explorer import datasets, measurements

    path = _checkpoint(checkpoint)
    options = measurements.complete_options(what, {} if fill is None else {"fill": fill})
    datasets.native_size(dataset)  # what is wrong with the names is said before any work begins
    with _cancellable(Progress(0, "images")) as progress:
        found = measurements.make(
            what, path, dataset, split=split, fit=fit, limit=limit, device=device, out=out, progress=progress, **options
        )
        progress.finish()
    _emit(found, as_json, measurements.lines(found))


@app.command()
def project(
    checkpoint: CheckpointName,
    dataset: Dataset,
    out: Annotated[Path | None, typer.Option(help="A .parquet file. [the cache]")] = None,
    layer: Annotated[str | None, typer.Option(help="Which layer. [the first]")] = None,
    what: Annotated[str, typer.Option(help="images, patches or codebook.")] = "images",
    method: Annotated[str, typer.Option(help="umap or pca.")] = "umap",
    dims: Annotated[int, typer.Option(min=2, max=3, help="Axes of the map.")] = 2,
    points: Annotated[int, typer.Option(min=3, help="At most so many points, drawn at random.")] = 5000,
    neighbours: Annotated[int, typer.Option(min=2, help="Neighbours that UMAP keeps together.")] = 15,
    min_dist: Annotated[float, typer.Option(min=0, max=1, help="How tightly UMAP may pack points.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    split: Split = "test",
    limit: Limit = None,
    kmeans: Kmeans = 64,
    fit: Fit = "crop",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Writes a 2-D or 3-D map of latents as Parquet: id, x, y (, z)."""
    from explorer import maps

    options = maps.Options(layer or "", what, method, dims, points, neighbours, seed, min_dist)
    maps.check_path(out)
    found = _encoding(checkpoint, dataset, split, limit, kmeans, fit, device=device)
    if layer is None:
        options = dataclasses.replace(options, layer=found.layers[0].name)
    path = maps.make(found, options, out=out, progress=Progress(0, "points"))
    facts = maps.read(path).facts
    quality = f"trustworthiness {facts['trustworthiness']:.4f}"
    _emit(
        {"map": path, **facts}, as_json, [f"{path}: {facts['points']:,} points in {facts['seconds']:.1f} s, {quality}"]
    )


def _checkpoint(name: str) -> Path:
    from explorer import checkpoints

    return checkpoints.resolve(name)


def _encoding(checkpoint: str, dataset: str, split: str, limit: int | None, kmeans: int, fit: str, **options) -> Any:
    """The Encoding of a checkpoint and a dataset: one that is there, or a new one."""
    from explorer import checkpoints, datasets, encoding

    path = _checkpoint(checkpoint)
    checkpoints.describe(path)
    datasets.native_size(dataset)  # what is wrong with the names is said before any work begins
    with _cancellable(Progress(0, "images")) as progress:
        return encoding.encode(
            path, dataset, split=split, limit=limit, kmeans=kmeans, fit=fit, progress=progress, **options
        )


@contextlib.contextmanager
def _cancellable(progress: Progress):
    """SIGTERM and the first Ctrl-C end the work at its next step, with what it has kept; a second Ctrl-C at once."""

    def interrupt(*_: object) -> None:
        progress.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, progress.cancel)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield progress
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _emit(result: dict, as_json: bool, lines: list[str]) -> None:
    """Prints the result: one JSON object, or lines for people."""
    text = json.dumps(_plain(result), ensure_ascii=False) if as_json else "\n".join(lines)
    with os.fdopen(os.dup(_stdout), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _plain(value: Any) -> Any:
    """JSON knows no paths, tuples, numpy numbers, NaN or infinity; the last two become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def main() -> NoReturn:
    """Entry of the command line; never returns."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; every error has become a line on standard error."""
    global _stdout
    before = signal.signal(signal.SIGTERM, _terminate)
    if "--json" in arguments:  # whatever a library prints goes to standard error, even from C
        sys.stdout.flush()
        _stdout = os.dup(1)
        os.dup2(2, 1)
    try:
        wait_for_turn()
        code = app(arguments, standalone_mode=False, prog_name="explorer") or 0
        _settle("stopped" if code == 130 else "done", "")
    except BadInput as error:
        code = _explain(str(error))
    except (Cancelled, KeyboardInterrupt) as stopped:
        _settle("stopped", str(stopped))
        print(f"stopped: {stopped or 'by the user'}", file=sys.stderr)
        code = 130
    except Exception as error:
        code = _fail(error)
    finally:
        sys.stdout.flush()
        if _stdout != 1:
            os.dup2(_stdout, 1)
            os.close(_stdout)
            _stdout = 1
        signal.signal(signal.SIGTERM, before)
    return code


def _terminate(*_: object) -> NoReturn:
    """SIGTERM where nothing needs saving; no `except Exception` of a library can swallow it."""
    raise KeyboardInterrupt("by a signal")


def _explain(message: str) -> int:
    """Bad input: one line on standard error, exit 2."""
    line = " ".join(message.split())
    _settle("failed", line)
    print(f"explorer: {line}", file=sys.stderr)
    return 2


def _fail(error: Exception) -> int:
    """A usage error is bad input too; anything else is a bug and shows where."""
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return _explain(error.format_message())
    if isinstance(error, OSError) and error.errno == 28:
        return _explain(f"the disk is full while writing {error.filename or 'a file'}; free some space and try again")
    _settle("failed", f"{type(error).__name__}: {error}")
    traceback.print_exception(error)
    return 1


def _settle(state: str, message: str) -> None:
    """Writes the last state into the status file of a job, if the work itself has not."""
    named = os.environ.get(STATUS_VARIABLE)
    if not named:
        return
    try:
        status = read_json(Path(named))
    except (OSError, ValueError):
        status = {}
    if status.get("state") not in ("done", "stopped", "failed") or state == "failed":
        status |= {"state": state, "message": message or status.get("message", ""), "heartbeat": time.time()}
        with contextlib.suppress(OSError):  # a full disk: the exit code and the log still say what happened
            write_json(Path(named), status)


if __name__ == "__main__":
    main()
