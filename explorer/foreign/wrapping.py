"""Where in a file the weights of a network lie: below which wrappers and prefixes.

`{"state_dict": {"model.encoder.…"}}` is, with names joined by dots, `state_dict.model.encoder.…`: what wraps a state
dict and what stands before every name in it are the same, a prefix to take off. A format looks at what is below each
of the `prefixes` in turn, and knows its own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from explorer.errors import BadInput
from explorer.foreign.pickles import CONVERT, Inert, Stored

DEEPEST, MOST, LARGEST = 6, 64, 400_000  # wrappers in one another, prefixes to try, names in a file
SHELLS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # of torch, around modules
AVERAGE = re.compile(r"(.*[_.])?(ema|swa|averaged?|polyak)([_.].*)?", re.I)
TRAINING = re.compile(r"(optim|opt$|opt_|optimizer|lr_sched|sched|scaler|amp|rng|callbacks|loops).*", re.I)
KNOWN = (  # words that stand before the weights of a network, in files that hold others as well
    "model", "state_dict", "model_state_dict", "model_state", "net", "network", "module", "weights", "params",
    "generator", "gen", "g", "netG", "vqvae", "vqgan", "vq_model", "vqmodel", "vq", "vae", "dvae", "autoencoder", "ae",
    "autoencoderkl", "first_stage_model", "first_stage", "tokenizer", "image_tokenizer", "vision_tokenizer", "encoder",
    "backbone", "student", "teacher", "mae", "vit", "pretrained_model", "vision_tower", "visual",
)  # fmt: skip
COUNTS = ("decay", "num_updates", "initted", "step", "n_averaged")  # beside averages
UNSEEN = re.compile(  # what averages may lack: no part of the network
    r"((loss|discriminator|disc|model_ema|lpips|perceptual_loss)\.|.*(num_batches_tracked|num_updates|decay)$)"
)


def flatten(found: Any) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """What a file holds, taken apart: tensors by names with dots, what else lies beside them, and its wrappers.

    The state of optimizers is left out.

    Raises:
        BadInput: no tensors, in one sentence that says what there is instead.
    """
    if not isinstance(found, Mapping):
        raise BadInput(f"the file holds {_called(found)}, no weights by name; save a state_dict")
    tensors: dict[str, Any] = {}
    wrappers: set[str] = set()
    if {"state", "param_groups"} <= found.keys():
        raise BadInput("the file holds the state of an optimizer and no weights; give the file of the model itself")
    trained = _walk(found, "", tensors, wrappers, [0])
    if not tensors:
        if trained and not any(isinstance(value, Inert) for value in found.values()):
            raise BadInput("the file holds the state of an optimizer and no weights; give the file of the model itself")
        kept = ", ".join(f"{str(key)[:30]} ({_called(value)})" for key, value in list(found.items())[:3])
        raise BadInput(f"the file holds no weights by name{f', but {kept}' if kept else ''}; {CONVERT}")
    rest = {str(key): value for key, value in found.items() if str(key) not in tensors}
    return tensors, {key: value for key, value in rest.items() if f"{key}." not in wrappers}, wrappers


def _walk(found: Mapping[Any, Any], prefix: str, tensors: dict[str, Any], wrappers: set[str], seen: list[int]) -> bool:
    """Collects the tensors below `prefix`; says whether there were optimizers."""
    trained = False
    for key, value in found.items():
        seen[0] += 1
        name = f"{prefix}{key}"
        if seen[0] > LARGEST:
            raise BadInput(f"the file holds more than {LARGEST:,} names, which no network has")
        if isinstance(value, Mapping):
            if TRAINING.fullmatch(str(key)):
                trained = True
            elif name.count(".") < DEEPEST:
                before = len(tensors)
                trained |= _walk(value, f"{name}.", tensors, wrappers, seen)
                wrappers |= {f"{name}."} if len(tensors) > before else set()
        elif isinstance(value, Stored):
            tensors[name] = value
    return trained


def _called(value: Any) -> str:
    if isinstance(value, Inert):
        return getattr(value.made_by, "text", "an object")[:60]
    known = {
        "list": "a list",
        "tuple": "a list",
        "dict": "names",
        "int": "a number",
        "float": "a number",
        "str": "text",
    }
    return "one tensor" if isinstance(value, Stored) else known.get(type(value).__name__, "something else")


def cleaned(names: Iterable[str]) -> dict[str, str]:
    """What each name is without the shells of torch.compile and of several devices, and with the dots that the
    averages of latent-diffusion lose; a shell goes where everything beside it has it as well."""
    found = {name: name for name in names}
    for shell in SHELLS:
        if any(shell in name for name in found):
            while (stripped := _without(set(found.values()), shell)) is not None:
                found = {old: stripped.get(new, new) for old, new in found.items()}
    dotted = _averages(found.values())
    return {old: dotted.get(new, new) for old, new in found.items()}


def _averages(names: Iterable[str]) -> dict[str, str]:
    """Names below `model_ema.`, which lack the dots, and the same with the dots of what they are averages of."""
    names, found = set(names), {}
    for above in {name.partition("model_ema.")[0] for name in names if re.match(r"(.*\.)?model_ema\.[^.]+$", name)}:
        own = [name[len(above) :] for name in names if name.startswith(above)]
        found |= {f"{above}model_ema.{name.replace('.', '')}": f"{above}model_ema.{name}" for name in own}
    return found


def mixed(names: Iterable[str]) -> str:
    """A shell that some names of one network have before them and others have not; "" where there is none."""
    firsts = [name.split(".", 1)[0] for name in names]
    return next((f"{shell}." for shell in SHELLS if shell[0] == "_" and 0 < firsts.count(shell) < len(firsts)), "")


def _without(names: set[str], shell: str) -> dict[str, str] | None:
    """Names without the outermost shells that everything beside them has; None where there are none."""
    beside: dict[str, set[str]] = {}
    for name in names:
        words = name.split(".")
        for depth, word in enumerate(words):
            beside.setdefault(".".join(words[:depth]), set()).add(word if depth < len(words) - 1 else "")
    whole = {above for above, words in beside.items() if words == {shell}}
    if not whole:
        return None
    found = {}
    for name in names:
        words, kept = name.split("."), []
        for depth, word in enumerate(words):
            if not (word == shell and depth < len(words) - 1 and ".".join(words[:depth]) in whole):
                kept.append(word)
        found[name] = ".".join(kept)
    return found if len(set(found.values())) == len(found) else None


def prefixes(names: Iterable[str], wrappers: Iterable[str] = (), *, every: bool = False) -> list[str]:
    """Below what the weights of a network could lie, "" first; with `every`, below any word, known or not."""
    names, wrapped = set(names), set(wrappers)
    found: list[str] = []

    def walk(prefix: str, own: set[str]) -> None:
        found.append(prefix)
        if len(found) >= MOST or prefix.count(".") >= (DEEPEST if not every else 3):
            return
        below: dict[str, set[str]] = {}
        for name in own:
            word, _, more = name[len(prefix) :].partition(".")
            below.setdefault(word, set())
            if more:
                below[word].add(name)
        for word in sorted(below, key=lambda word: (not AVERAGE.fullmatch(word), word)):
            inside, known = f"{prefix}{word}.", word in KNOWN or bool(AVERAGE.fullmatch(word))
            if below[word] and (every or known or len(below) == 1 or inside in wrapped) and len(found) < MOST:
                walk(inside, below[word])

    walk("", names)
    return found


def complete(prefix: str, names: set[str]) -> bool:
    """Whether averages below `prefix` are of everything that some other weights of the file have."""
    own = {name[len(prefix) :] for name in names if name.startswith(prefix)}
    for other in others(prefix, names):
        there = {name[len(other) :] for name in names if name.startswith(other)}
        if any(not UNSEEN.match(name) for name in there - own):
            return False
    return True


def others(prefix: str, names: set[str]) -> list[str]:
    """Prefixes below which the file has weights of the same names: the last step beside the averages."""
    own = {name[len(prefix) :] for name in names if name.startswith(prefix)}
    most = 0.9 * sum(not UNSEEN.match(name) for name in own)
    found = []
    for other in prefixes(names):
        if other == prefix or (other and prefix.startswith(other)):
            continue
        there = {name[len(other) :] for name in names if name.startswith(other)}
        if there and sum(not UNSEEN.match(name) for name in there & own) >= most > 0:
            found.append(other)
    return found


def order(prefix: str, names: set[str]) -> int:
    """Averages of everything come before the last step, averages of a part behind it."""
    return 1 if not averaged(prefix) else 0 if complete(prefix, names) else 2


def averaged(prefix: str) -> bool:
    """Whether what is below a prefix are averages over training, by its words."""
    return any(AVERAGE.fullmatch(word) for word in prefix.split("."))


def told(prefix: str, names: set[str], asked: str | None) -> tuple[list[str], list[str]]:
    """What to say of weights that were taken from below `prefix`: of which others there are, and of what is left out.

    Returns:
        sentences, and the prefixes of weights that could have been taken as well.
    """
    rivals, notes = others(prefix, names), []
    if rivals:
        here, there = prefix.rstrip(".") or "those without a prefix", rivals[0].rstrip(".")
        what = "the averages of the weights over training" if averaged(prefix) else "the weights"
        other = "averages over training" if averaged(rivals[0]) else "those of the last step"
        way = f"; `@,weights={there}` behind the path shows {other}" if there and not asked else ""
        notes.append(f"Shown are {what} ({here}){way}.")
    elif any(name.startswith(f"{prefix}model_ema.") for name in names):
        notes.append("The averages of its weights (model_ema) are not of all of them, and are left out.")
    known = (prefix, *rivals) if "" not in rivals else ("",)
    left = sorted(name for name in names if not name.startswith(known))
    if prefix and left:
        notes.append(
            f"Only what is below {prefix.rstrip('.')} is read; {len(left):,} other tensors of the file, such as "
            f"{left[0][:80]}, are left out."
        )
    return notes, rivals
