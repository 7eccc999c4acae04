"""The demo for Hugging Face Spaces: shipped checkpoints, a visitor's picture, an API; nothing is trained or kept."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path

if importlib.util.find_spec("spaces"):
    import spaces  # noqa: F401  Hugging Face's package for ZeroGPU, which has to come before torch

import anyio
import gradio as gr
from gradio.block_function import BlockFunction
from gradio.exceptions import Error
from starlette.middleware import Middleware

from explorer.demo import about, api, gate, keeping, look, shipped, tabs, turns, uploads
from explorer.demo.shared import EACH, QUIET, Shared
from explorer.errors import BadInput
from explorer.sheets import Note, html
from explorer.study import Study, passes
from explorer.views import VIEWS

AT_ONCE = max(2, min(8, os.cpu_count() or 2))  # requests computed at the same time
# A picture that replaces another one is told twice by Gradio; what is wrong with it is to be said once.
ASK_IF_NEW = """(picture) => {
  const path = picture?.path ?? null, again = window.lastPicture === path;
  window.lastPicture = path;
  return again ? [null, 'again'] : [picture, ''];
}"""
WRONG = "something went wrong here, and it was not your picture; try again, or choose another checkpoint"

log = logging.getLogger(__name__)


class Demo(gr.Blocks):
    """The page with its limits: whoever launches it gets them, and every error is one sentence."""

    kept: frozenset[str] = frozenset()  # files that the page itself is made of

    def launch(self, **options):
        self.kept = keeping.present()
        keeping.keep_sweeping(self.kept)
        named = options.get("server_name") or os.environ.get("GRADIO_SERVER_NAME") or "localhost"
        private = bool(gate.LOCAL.fullmatch(named)) and not (os.environ.get("SPACE_ID") or options.get("share"))
        limits = {
            "theme": look.theme(),
            "css": look.STYLE,
            "max_file_size": uploads.MEGABYTES * 1024**2,
            "max_threads": 2 * AT_ONCE + 8,
            "state_session_capacity": 1_000,
            "enable_monitoring": False,
            "run_history": False,
            "footer_links": ["api", "gradio", "settings"],
            "mcp_server": importlib.util.find_spec("mcp") is not None,
            "ssr_mode": False,
            "share": False,
            "app_kwargs": {"middleware": [Middleware(gate.Gate, private=private, spared=self.kept)]},
        }
        return super().launch(**(limits | options))

    async def process_api(self, block_fn, inputs, state=None, request=None, *arguments, **options):
        asking = request[0] if isinstance(request, list) else request
        if asking is not None and asking.client is not None:
            keeping.visitor.set(gate.visitor(asking.headers, (asking.client.host, 0)))
        try:
            inputs = _filled_up(block_fn, inputs)
            inputs = await anyio.to_thread.run_sync(uploads.admit, await uploads.collect(inputs))
            return await super().process_api(block_fn, inputs, state, request, *arguments, **options)
        except Error:
            raise
        except Exception as problem:
            raise _sentence(problem) from None


def build() -> gr.Blocks:
    """The demo, ready to launch. Its files, and everything it computes, go to a temporary folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="codebook-explorer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"], os.environ["EXPLORER_CACHE"] = str(folder / "files"), str(folder / "cache")
    checkpoints = shipped.offered()
    if not checkpoints:
        raise BadInput("there is no checkpoint with an encoding to show; ship one under checkpoints/")
    if passes.spaces:  # ZeroGPU moves what is there at the start
        warm()
    with Demo(
        title="Codebook Explorer", analytics_enabled=False, fill_width=True, delete_cache=(300, keeping.MINUTES * 60)
    ) as demo:
        api.build()  # first, so that its names are free
        gr.HTML(look.HEAD, padding=False, apply_default_css=False)
        with gr.Row():
            with gr.Column(scale=1, min_width=280, elem_id="inputs"):
                shared, gallery = _inputs(demo, list(checkpoints))
            with gr.Column(scale=3, min_width=320), gr.Tabs(overflow_behavior="wrap") as strip:
                tabs.build(shared, strip)
                about.build()
        _examples(shared, gallery)
    demo.queue(max_size=turns.WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
    return demo


def launch() -> None:
    """Builds the demo, opens it to the local machine (or where GRADIO_SERVER_NAME says), and stays."""
    demo = build()
    threading.Thread(target=warm, daemon=True).start()
    demo.launch()


def _inputs(demo: gr.Blocks, names: list[str]) -> tuple[Shared, gr.Gallery]:
    """The column of choices: checkpoint, picture, and examples to start from."""
    start = shipped.file(*shipped.examples(names[0])[0])
    checkpoint = gr.Dropdown(names, value=names[0], label="Checkpoint", filterable=False, elem_id="checkpoint")
    facts = gr.HTML(_facts(names[0]), elem_id="facts", apply_default_css=False)
    upload = gr.Image(
        start, type="filepath", image_mode=None, format="png", label="Your picture", height=250, buttons=[],
        sources=["upload", "webcam", "clipboard"], placeholder=f"Drop a picture, up to {uploads.MEGABYTES} MB",
        elem_id="picture",
    )  # fmt: skip
    gallery = gr.Gallery(
        _thumbnails(names[0]), label="Examples", show_label=False, columns=4, height="auto", allow_preview=False,
        interactive=False, format="png", buttons=[], elem_classes="cx-sharp", elem_id="examples",
    )  # fmt: skip
    with gr.Accordion("If a picture is not square", open=False, elem_id="fit"):
        fit = gr.Radio([("Crop to the centre", "crop"), ("Pad with white", "pad")], value="crop", show_label=False)
    first = next(iter(VIEWS.values())).title
    seen, theme = gr.Textbox(first, visible=False), gr.Textbox("light", visible=False)
    shared = Shared(demo, checkpoint, upload, gr.State(start), fit, gr.State({}), seen, theme)
    # not `input`, which Gradio also sends when a picture is taken away, with the picture
    sent = upload.change(_accepted, [upload, gr.Textbox(visible=False)], shared.picture, js=ASK_IF_NEW, **QUIET)
    sent.failure(lambda: (None, None), None, [upload, shared.picture], **QUIET)  # what is no picture goes
    checkpoint.change(lambda name: (_facts(name), _thumbnails(name)), checkpoint, [facts, gallery], **QUIET)
    return shared, gallery


def _accepted(path: str | None, again: str) -> str | None:
    """The picture that the tabs show, which is the one that was sent."""
    return gr.skip() if again else path


def _examples(shared: Shared, gallery: gr.Gallery) -> None:
    def take(name: str, event: gr.SelectData) -> tuple[str, str]:
        path = shipped.file(*shipped.examples(name)[int(event.index)])
        return path, path

    gallery.select(take, shared.checkpoint, [shared.upload, shared.picture], **EACH)


def _facts(name: str) -> str:
    """What a checkpoint is, in a sentence or two."""
    checkpoint = shipped.choose(name)
    size, alike = checkpoint.image_size, {}
    for layer in checkpoint.layers:  # those that differ in name only are told together
        numbers = f"{layer['dim']} number{'s' if layer['dim'] > 1 else ''} each"
        holds = f"{layer['codes']:,} codes" if layer["codes"] else numbers
        alike.setdefault(f"{layer['grid'][0]} × {layer['grid'][1]}, {holds}", []).append(layer["name"])
    layers = "; ".join(f"{one[0]} to {one[-1]} {how}" if one[1:] else f"{one[0]} {how}" for how, one in alike.items())
    trained = f"{checkpoint.family.upper()} trained on {checkpoint.dataset}, {size} × {size} px"
    text = f"{trained}. {'Layers' if checkpoint.layers[1:] else 'Layer'}: {layers}."
    return html.draw([Note(text)], html.Paper(lambda _: ""))


def _thumbnails(name: str) -> list:
    from explorer.datasets import decode_image

    size = shipped.choose(name).image_size
    return [
        (decode_image(picture, size) if isinstance(picture, Path) else picture, None)
        for _, picture in shipped.examples(name)
    ]


def warm() -> None:
    """Opens every checkpoint and its network, so that the first visitor to choose it does not wait."""
    for name in shipped.offered():
        study: Study = shipped.study(name)
        passes.network(Path(study.subject.checkpoint), study.subject.fingerprint)


def _filled_up(function: BlockFunction, inputs: list) -> list:
    """The inputs of an endpoint with the defaults of those that were left out at the end."""
    missing = function.inputs[len(inputs) :]
    if any(getattr(component, "value", None) is None for component in missing):
        names = ", ".join(str(getattr(component, "label", "")) for component in function.inputs)
        raise BadInput(f"{len(inputs)} inputs are too few for {function.api_name}; it takes {names}")
    return [*inputs, *(component.value for component in missing)]


def _sentence(problem: Exception) -> Error:
    """What a visitor reads instead of a stack trace."""
    if isinstance(problem, BadInput):
        text = str(problem)
        return Error(text[:1].upper() + text[1:] + ".", print_exception=False, duration=8)
    if type(problem).__name__ in ("InvalidPathError", "ValidationError", "ComponentProcessingError"):
        return Error("One of the inputs is not of the kind that is asked for; see Use via API.", print_exception=False)
    log.exception("an event failed", exc_info=problem)
    return Error(WRONG[:1].upper() + WRONG[1:] + ".", print_exception=False)
