"""The best weights of a training so far, in a file of their own beside its state."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from explorer.files import atomic_path

FILE = "best.safetensors"


class Best:
    """The weights with the fewest bits on images that are watched and not trained on.

    Those of a step that a resumed run has not made yet are of one that was given up: they go, and are made again.
    """

    def __init__(self, out: Path, model: nn.Module, step: int = 0) -> None:
        self.path, self.model = Path(out) / FILE, model
        self.step, self.bits = -1, float("inf")
        if self.path.is_file():
            from safetensors import safe_open

            with safe_open(self.path, "pt") as file:
                self.step, self.bits = int(file.metadata()["step"]), float(file.metadata()["bits"])
            if self.step > step:
                self.path.unlink()
                self.step, self.bits = -1, float("inf")

    def consider(self, step: int, bits: float) -> None:
        """Keeps the weights of now if they have fewer bits than any before them."""
        if not bits < self.bits:
            return
        from safetensors.torch import save_file

        self.step, self.bits = step, bits
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
        with atomic_path(self.path) as temporary:
            save_file(tensors, temporary, metadata={"step": str(step), "bits": repr(bits)})

    @torch.no_grad()
    def restore(self) -> tuple[int, float] | None:
        """Puts the best weights into the network: (their step, their bits); None where nothing was kept."""
        if not self.path.is_file():
            return None
        from safetensors.torch import load_file

        self.model.load_state_dict(load_file(self.path))
        return self.step, self.bits

    def forget(self) -> None:
        """Removes the file: what it held are the weights of the finished network."""
        self.path.unlink(missing_ok=True)
