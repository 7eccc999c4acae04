"""The image tokenizers of LlamaGen, `VQ-8` and `VQ-16`: `{"model": state dict}` without a config; those of Janus.

VQGANs of taming-transformers under other names, but codes and latents are compared, and decoded, at length one.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from explorer.foreign.adapters import Pixels
from explorer.foreign.networks import VQ
from explorer.foreign.recognition import Found, Place
from explorer.foreign.vqgan import INSIDE, adapter, linear, renamed

TITLE = "LlamaGen VQ"
MARKS = ("encoder.conv_blocks.0.res.", "decoder.conv_blocks.0.res.")
WHOLE, KIND = "gen_vision_model.", "multi_modality"  # where Janus and Janus-Pro have it, and their `model_type`
SIZE, WHOLE_SIZE = 256, 384
USAGE = "quantize.codebook_used"  # the last codes of training
NAMES = (
    (r"^encoder\.conv_blocks\.", "encoder.down_blocks."),
    (r"^decoder\.conv_blocks\.", "decoder.up_blocks."),  # counted in the order they are run, as in diffusers
    (r"\.res\.(\d+)\.", r".resnets.\1."),
    (r"\.mid\.0\.", ".mid_block.resnets.0."),
    (r"\.mid\.1\.", ".mid_block.attentions.0."),
    (r"\.mid\.2\.", ".mid_block.resnets.1."),
    *INSIDE,
)


class Unit(VQ):
    """A `VQModel` whose codes and latents have length one."""

    @property
    def vectors(self) -> Tensor:
        return functional.normalize(super().vectors, dim=-1)

    def latents(self, images: Tensor) -> Tensor:
        return functional.normalize(super().latents(images), dim=1)


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of this network, or with them behind WHOLE; a folder of Janus."""
    files, tensors = place.inside(WHOLE, KIND)
    prefix, title = (WHOLE, f"{TITLE} of Janus") if tensors else ("", TITLE)
    if not tensors:
        files, tensors = (place.path,), place.weights.tensors
    if not all(any(name.startswith(mark) for name in tensors) for mark in MARKS):
        return None
    shapes = {name: tuple(value.shape) for name, value in _rename(tensors).items()}
    size = place.size(WHOLE_SIZE if prefix else SIZE)

    def build() -> Unit:
        return adapter("VQModel", shapes, size, title, Unit)

    notes = [f"Images go in with {Pixels()}.", "Codes and latents have length one."]
    if prefix:
        notes.append("The tokenizer of the images that the model draws; nothing else of its files is read.")
    return Found(title, "vqvae", files, size, build, _rename, tuple(notes), prefix=prefix)


def _rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of diffusers, with attention as linear maps."""
    names = {name: renamed(name, NAMES) for name in tensors if name != USAGE}
    return {into: linear(into, tensors[name]) for name, into in names.items()}
