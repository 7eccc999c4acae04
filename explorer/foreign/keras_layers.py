"""Layers of Keras in torch: the few that convolutional autoencoders are made of, by the names of Keras.

Images are (N, C, h, w) here and (N, h, w, C) there; kernels are (h, w, in, out), or (h, w, out, in) of a transposed
convolution. With `padding="same"` TensorFlow puts the odd pixel at the bottom and on the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class Graph(nn.Module):
    """Layers by name, each with the names of those whose outputs it takes; `""` is the input."""

    def __init__(self, layers: Mapping[str, nn.Module], inputs: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.layers, self.inputs = nn.ModuleDict(layers), dict(inputs)

    def forward(self, x: Tensor) -> Tensor:
        values = {"": x}
        for name, layer in self.layers.items():
            x = values[name] = layer(*(values[one] for one in self.inputs[name]))
        return x


class Activate(nn.Module):
    """An activation of Keras by its name; see Keras' defaults for their slopes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return ACTIVATIONS[self.name](x)


class Convolve(nn.Module):
    """`Conv2D` with its activation."""

    def __init__(self, channels: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.stride, self.dilation = _pair(config, "strides"), _pair(config, "dilation_rate")
        self.groups, self.same = _whole(config, "groups", 1), _same(config)
        kernel, filters = _pair(config, "kernel_size"), _whole(config, "filters")
        self.weight = nn.Parameter(torch.empty(filters, channels // self.groups, *kernel))
        self.bias = nn.Parameter(torch.empty(filters)) if _flag(config, "use_bias") else None
        self.activation = Activate(_activation(config))

    def forward(self, x: Tensor) -> Tensor:
        if self.same:
            x = F.pad(x, (*self._around(x, 1), *self._around(x, 0)))
        return self.activation(F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups))

    def _around(self, x: Tensor, axis: int) -> tuple[int, int]:
        """Zeros before and after an axis, so that ceil(size / stride) outputs come; the odd one after."""
        size, stride = x.shape[2 + axis], self.stride[axis]
        reach = (self.weight.shape[2 + axis] - 1) * self.dilation[axis] + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        return total // 2, total - total // 2


class Spread(nn.Module):
    """`Conv2DTranspose` with its activation: with "same", `size × stride` of what it would give are kept."""

    def __init__(self, channels: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        if config.get("output_padding") is not None or _pair(config, "dilation_rate") != (1, 1):
            raise ValueError("output_padding and dilation_rate of a Conv2DTranspose are not supported")
        self.stride, self.same = _pair(config, "strides"), _same(config)
        kernel, filters = _pair(config, "kernel_size"), _whole(config, "filters")
        self.weight = nn.Parameter(torch.empty(channels, filters, *kernel))
        self.bias = nn.Parameter(torch.empty(filters)) if _flag(config, "use_bias") else None
        self.activation = Activate(_activation(config))

    def forward(self, x: Tensor) -> Tensor:
        made = F.conv_transpose2d(x, self.weight, None, self.stride)
        made = F.pad(made, (*self._around(1), *self._around(0)))
        if self.bias is not None:
            made = made + self.bias[:, None, None]
        return self.activation(made)

    def _around(self, axis: int) -> tuple[int, int]:
        """What to cut (below zero) or add on both sides of an axis: it is as long as TensorFlow has it then."""
        more = self.weight.shape[2 + axis] - self.stride[axis]
        if more <= 0:
            return 0, -more  # without overlap there are too few at the end
        return (-(more // 2), more // 2 - more) if self.same else (0, 0)


class Normalise(nn.Module):
    """`BatchNormalization` over channels, with the statistics of training."""

    def __init__(self, channels: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        axis = config.get("axis", -1)
        if axis not in (-1, 3, [3], [-1]):
            raise ValueError(f"axis {axis} of a BatchNormalization is not supported, only the last")
        self.weight = nn.Parameter(torch.empty(channels)) if _flag(config, "scale") else None
        self.bias = nn.Parameter(torch.empty(channels)) if _flag(config, "center") else None
        self.register_buffer("mean", torch.empty(channels))
        self.register_buffer("variance", torch.empty(channels))
        self.epsilon = number(config, "epsilon", 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, eps=self.epsilon)


class Rescale(nn.Module):
    """`Rescaling`: x · scale + offset."""

    def __init__(self, scale: float, offset: float) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Rectify(nn.Module):
    """`ReLU` and `LeakyReLU`: a slope below zero, a bound above."""

    def __init__(self, slope: float, bound: float | None) -> None:
        super().__init__()
        self.slope, self.bound = slope, bound

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(x, self.slope)
        return x if self.bound is None else x.clamp(max=self.bound)


class Join(nn.Module):
    """`Add` or `Concatenate`."""

    def __init__(self, add: bool) -> None:
        super().__init__()
        self.add = add

    def forward(self, *values: Tensor) -> Tensor:
        return torch.stack(torch.broadcast_tensors(*values)).sum(0) if self.add else torch.cat(values, 1)


def variables(kind: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names here of the arrays 0, 1, … that Keras writes of a layer."""
    if kind in ("Conv2D", "Conv2DTranspose"):
        return ("weight", "bias")
    if kind == "BatchNormalization":
        names = (("weight", _flag(config, "scale")), ("bias", _flag(config, "center")))
        return (*(name for name, there in names if there), "mean", "variance")
    return ()


def _rectify(config: Mapping[str, Any], slope: float) -> Rectify:
    if config.get("threshold") not in (None, 0, 0.0):
        raise ValueError("the threshold of a ReLU is not supported")
    slope = number(config, "negative_slope" if "negative_slope" in config else "alpha", slope)
    return Rectify(slope, None if config.get("max_value") is None else number(config, "max_value", 0))


def _concatenate(config: Mapping[str, Any]) -> Join:
    if config.get("axis", -1) not in (-1, 3):
        raise ValueError("only the last axis can be concatenated")
    return Join(False)


def _upsample(config: Mapping[str, Any]) -> nn.Module:
    if config.get("interpolation", "nearest") != "nearest":
        raise ValueError("only the nearest pixel can be taken by an UpSampling2D")
    return nn.Upsample(scale_factor=_pair(config, "size", 2), mode="nearest")


# by the class in Keras: channels that come in, and its config -> a layer
KINDS: dict[str, Callable[[int, Mapping[str, Any]], nn.Module]] = {
    "Conv2D": Convolve,
    "Conv2DTranspose": Spread,
    "BatchNormalization": Normalise,
    "Activation": lambda _, config: Activate(_activation(config)),
    "ReLU": lambda _, config: _rectify(config, 0.0),
    "LeakyReLU": lambda _, config: _rectify(config, 0.3),
    "Rescaling": lambda _, config: Rescale(number(config, "scale", 1), number(config, "offset", 0)),
    "UpSampling2D": lambda _, config: _upsample(config),
    "Add": lambda *_: Join(True),
    "Concatenate": lambda _, config: _concatenate(config),
    "Dropout": lambda *_: nn.Identity(),
    "SpatialDropout2D": lambda *_: nn.Identity(),
    "GaussianNoise": lambda *_: nn.Identity(),
}


def _activation(config: Mapping[str, Any]) -> str:
    name = config.get("activation") or "linear"
    if not isinstance(name, str) or name not in ACTIVATIONS:
        name = name.get("class_name", "an object") if isinstance(name, dict) else name
        raise ValueError(f"activation {name} is not supported; choose from {', '.join(ACTIVATIONS)}")
    return name


def _same(config: Mapping[str, Any]) -> bool:
    if config.get("data_format", "channels_last") != "channels_last":
        raise ValueError("only channels_last is supported")
    if config.get("padding", "valid") not in ("same", "valid"):
        raise ValueError(f"padding {config['padding']} is not supported; choose from same, valid")
    return config.get("padding") == "same"


def _pair(config: Mapping[str, Any], name: str, default: int = 1) -> tuple[int, int]:
    value = config.get(name, default)
    pair = tuple(value) if isinstance(value, list) else (value, value)
    if len(pair) != 2 or any(type(one) is not int or not 1 <= one <= 64 for one in pair):
        raise ValueError(f"{name} must be two whole numbers from 1 to 64")
    return pair


def _whole(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name, default)
    if type(value) is not int or not 1 <= value <= 65_536:
        raise ValueError(f"{name} must be a whole number from 1 to 65,536")
    return value


def number(config: Mapping[str, Any], name: str, default: float) -> float:
    """A finite number of a config; raises ValueError for anything else, such as one for each channel."""
    value = config.get(name, default)
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} must be one number")
    return float(value)


def _flag(config: Mapping[str, Any], name: str) -> bool:
    return config.get(name, True) is not False
