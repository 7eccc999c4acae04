"""What is looked at, and what is found, where a checkpoint of another library is recognised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from explorer.errors import BadInput
from explorer.files import read_json
from explorer.foreign import kinds, reading
from explorer.lazy import cached_property

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # of a folder of transformers
SMALLEST, LARGEST = 8, 2048  # image sizes


@dataclass(frozen=True)
class Found:
    """A checkpoint of another library, recognised.

    Attributes:
        format: the library and its class, such as "diffusers VQModel".
        family: `vqvae`, `vqvae2`, `vae` or `mae`.
        files: the weights, one or several files.
        image_size: side of the images in pixels.
        build: makes the adapter; called on the meta device, so that nothing is allocated.
        rename: tensors as they are in the files -> by the names of the adapter's `network`.
        notes: what a user should know, a sentence each.
        taps: names of modules whose outputs are layers as well.
        prefix: of the names of its tensors, where they are wrapped or a part of a larger model; nothing else is read.
        picked: what was chosen among several things that the same files hold.
        read: tensors of the files, where they are not of the usual kinds; without `data` only their shapes.
    """

    format: str
    family: str
    files: tuple[Path, ...]
    image_size: int
    build: Callable[[], nn.Module]
    rename: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict
    notes: tuple[str, ...] = field(default=())
    read: Callable[..., dict[str, Tensor]] | None = None
    taps: tuple[str, ...] = ()
    prefix: str = ""
    picked: tuple[str, ...] = ()


class Place:
    """A file or folder to recognise; what is in it is read when a format asks.

    Attributes:
        prefix: what stands before the names of the tensors that are looked at.
        given: by its folder, and not by its own name.
    """

    def __init__(
        self, path: Path, image_size: int | None, choices: Mapping[str, str] | None = None, *, given: bool = False
    ) -> None:
        self.path, self.image_size, self.prefix, self.given = path, image_size, "", given
        self.choices, self.used = dict(choices or {}), set()

    @cached_property
    def config(self) -> dict[str, Any]:
        """`config.json` of a folder, empty where there is none."""
        file = self.path / "config.json"
        if not file.is_file():
            return {}
        try:
            found = read_json(file)
        except (OSError, ValueError) as error:
            raise BadInput(f"config.json of {self.path.name} cannot be read: {error}") from None
        return found if isinstance(found, dict) else {}

    @cached_property
    def kind(self) -> str | None:
        """What a single file is (`kinds`), None of a folder and of what is not known."""
        return None if self.path.is_dir() else kinds.kind(self.path)

    @cached_property
    def whole(self) -> reading.Weights:
        """Names and shapes of all tensors of a single file, without their data; nothing of what has other weights."""
        if self.kind not in (kinds.SAFETENSORS, kinds.TORCH):
            return reading.Weights({}, {})
        return reading.read(self.path, data=False)

    @cached_property
    def weights(self) -> reading.Weights:
        """Those of them whose names begin with the prefix, which is taken off."""
        own = {name: value for name, value in self.whole.tensors.items() if name.startswith(self.prefix)}
        return reading.Weights(reading.without(own, self.prefix), self.whole.rest)

    def below(self, prefix: str) -> Place:
        """The same place, of which only the tensors below a prefix are looked at."""
        place = Place(self.path, self.image_size, self.choices, given=self.given)
        place.prefix, place.whole, place.used = prefix, self.whole, self.used
        return place

    def choice(self, name: str, among: tuple[str, ...]) -> str | None:
        """What was asked for as `@,name=value`, None where nothing was; raises BadInput if it is none of `among`."""
        self.used.add(name)
        value = self.choices.get(name)
        if value is not None and value not in among:
            raise BadInput(f"{name}={value} cannot be had of {self.path.name}; choose from {', '.join(among)}")
        return value

    def inside(self, prefix: str, kind: str) -> tuple[tuple[Path, ...], dict[str, Tensor]]:
        """Files and tensors, without data, of the part of a larger model whose names begin with `prefix`, which is
        taken off; of a folder with a `config.json` whose `model_type` is `kind`, or of a single file."""
        if not self.path.is_dir():
            own = {name: value for name, value in self.weights.tensors.items() if name.startswith(prefix)}
            return (self.path,), reading.without(own, prefix)
        if self.config.get("model_type") != kind:
            return (), {}
        files = reading.weights_of(self.path, WEIGHTS, prefix)
        return files, reading.tensors(files, data=False, prefix=prefix)

    def size(self, default: int) -> int:
        """The side of the images in pixels: what was asked for, or else the default of the format."""
        return self.image_size or default
