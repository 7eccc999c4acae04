"""What a result is of: a checkpoint and a part of a dataset, by their names; pixels are opened when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.lazy import cached_property
from explorer.options import FITS, KMEANS, choice, number

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.progress import Progress


@dataclass(frozen=True)
class Subject:
    """A checkpoint × images, and how continuous layers get codes; equal ones have equal results."""

    checkpoint: Path | None = field(metadata={"help": "A name under checkpoints/, or a path."})
    dataset: str = field(
        default="",
        metadata={
            "help": "A named dataset, a path (folder, zip, tar, table, arrays), or org/name on the Hub. May be left "
            "out where CHECKPOINT is a file of codes."
        },
    )
    split: str = field(default="test", metadata={"help": "Which part of the dataset."})
    fit: str = choice("crop", FITS, "crop: the centre square; pad: borders around the whole image.")
    limit: int | None = number(None, "At most so many images, drawn at random from the whole split.", low=1)
    kmeans: int = number(KMEANS, "Codes of the k-means codebook of a continuous layer.", low=2)
    device: str = field(default="auto", compare=False, metadata={"help": "auto, cpu, mps, cuda, cuda:0 …"})

    @classmethod
    def of(cls, checkpoint: str | Path, dataset: str = "", **more) -> Subject:
        """The same from a checkpoint's name or path; BadInput for an unknown checkpoint or dataset, before any work."""
        from explorer import datasets

        path = checkpoints.resolve(str(checkpoint))
        facts = checkpoints.describe(path)
        if not dataset and facts.family != "codes":
            raise BadInput(f"{facts.name} is judged on images; name them with --dataset, such as --dataset shapes")
        dataset = dataset or str(path)
        datasets.native_size(dataset)
        return cls(path, dataset, **more)

    @cached_property
    def facts(self) -> checkpoints.Checkpoint:
        """What the checkpoint's JSON says."""
        return checkpoints.describe(self.checkpoint)

    def network(self) -> Any:
        """The checkpoint's network, in evaluation mode on the CPU; BadInput where it was replaced meanwhile."""
        return checkpoints.load_known(self.checkpoint, self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """Content of the weights and settings."""
        return checkpoints.fingerprint(self.checkpoint)

    @cached_property
    def encoding_key(self) -> str:
        """Weights and settings of the model, pixels and concepts of the images, and K where a layer is continuous."""
        from explorer.encodings import content_key

        continuous = any(layer.get("codes") is None for layer in self.facts.layers)
        return content_key(self.fingerprint, self.images, self.kmeans if continuous else None)

    @cached_property
    def images(self) -> Images:
        """The images at the checkpoint's size, or at their own where there is no checkpoint."""
        return self.load(self.split, self.limit)

    def open(self, progress: Progress) -> None:
        """Opens the images, with the progress of a download or of decoding."""
        self.__dict__.setdefault("images", self.load(self.split, self.limit, progress))

    def beside(self, other: checkpoints.Checkpoint) -> Subject:
        """Another checkpoint of the same image size on these same images."""
        found = replace(self, checkpoint=other.path)
        found.__dict__.update(images=self.images, facts=other)
        return found

    def load(self, split: str, limit: int | None = None, progress: Progress | None = None) -> Images:
        """A split of the same dataset at the same size, judged by what the checkpoint was trained on."""
        from explorer import datasets
        from explorer.datasets import seen

        if self.checkpoint is not None and self.facts.family == "codes":
            return self._coded(split, limit, progress)
        size = None if self.checkpoint is None else self.facts.image_size
        images = datasets.load(self.dataset, split, size, fit=self.fit, limit=limit, progress=progress)
        if self.checkpoint is None:
            return images
        known = seen.read(self.checkpoint)
        return seen.judged(images, known, self._kept_from_training(images, known is not None), self.facts.name)

    def _coded(self, split: str, limit: int | None, progress: Progress | None) -> Images:
        """The images that a file of codes is about; rows without pixels where the dataset is the file itself."""
        from explorer import datasets
        from explorer.datasets import coded

        if Path(self.dataset).expanduser().resolve() == Path(self.checkpoint).resolve():
            return coded.without_pixels(Path(self.checkpoint), limit)

        def load(most: int | None) -> Images:
            size = self.facts.image_size
            return datasets.load(self.dataset, split, size, fit=self.fit, limit=most, progress=progress)

        return coded.beside(Path(self.checkpoint), load, self.dataset, limit)

    def _kept_from_training(self, images: Images, recorded: bool) -> bool:
        """Whether the names alone say that training saw none of these images: their split is fixed, or they are drawn.

        A folder without splits is divided by a rule that was another one when there were no records yet.
        """
        from explorer import datasets

        own = str(self.facts.dataset or "").lower()
        named = {name.lower() for name in datasets.DATASETS}
        if "shapes" in (own, images.name) or (own in named and images.name.lower() in named):
            return True
        return not recorded and self.facts.trained_on(images.name) and not datasets.divided(images.name)


def main_layer(facts: checkpoints.Checkpoint) -> str:
    """The layer to begin with: the first on the finest grid of those with codes of their own; else the last."""
    own = [layer for layer in facts.layers if layer.get("codes")]
    return max(own, key=lambda one: one["grid"][0])["name"] if own else facts.layers[-1]["name"]
