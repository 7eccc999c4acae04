"""The one table of views: what there is to see of a checkpoint on a dataset.

A view is a function `sheet(study, options, picture) -> Sheet` in a file of its own and a line in VIEWS. The app's
pages, the demo's tabs, the report and its JSON are made of this table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from explorer.views import (
    code_maps,
    codebook,
    compare,
    concepts,
    edit,
    groups,
    ids,
    latent_map,
    layers,
    masks,
    prior,
    rates,
    reconstructions,
    relations,
    similar,
    steps,
    traverse,
)

if TYPE_CHECKING:
    from explorer.sheets import Block, Sheet
    from explorer.study import Picture, Study


@dataclass(frozen=True)
class View:
    """One way to look.

    Attributes:
        title, icon: of the page; the icon is a name of Material Symbols.
        about: one sentence, what it answers.
        options: frozen dataclass; its fields are the choices of the page, and names in its address.
        sheet: (study, options, picture) -> what there is to see.
        encoded: whether it needs the encoding of all images.
        pictured: whether it looks at one image, of the dataset or one's own.
        below: whether that image is chosen where a block `Choose` stands, not above all.
        several: whether it takes all of one's own pictures at once, as a tuple.
        section: of the list of pages, under which it stands.
        unasked: whether a report has it where no views are named; not what needs hands, or another checkpoint.
        private: whether it shows what people did, which stays on this machine: no demo has it.
        printed: (study, options) -> blocks that a report has besides, in place of further choices.
    """

    title: str
    icon: str
    about: str
    options: type
    sheet: Callable[[Study, Any, Picture | None], Sheet]
    encoded: bool = True
    pictured: bool = False
    below: bool = False
    several: bool = False
    section: Literal["Look", "Judge", "Touch", "Use"] = "Look"
    unasked: bool = True
    private: bool = False
    printed: Callable[[Study, Any], Sequence[Block]] | None = None


VIEWS: dict[str, View] = {
    "reconstructions": View(
        "Reconstructions", "compare", "What the checkpoint keeps of an image, and what it loses.",
        reconstructions.Options, reconstructions.sheet, encoded=False, several=True,
    ),
    "concepts": View(
        "Concepts", "rule", "Do the codes capture concepts? Each in each layer, beside every null, and a verdict.",
        concepts.Options, concepts.sheet, printed=concepts.printed, section="Judge",
    ),
    "code_maps": View(
        "Code maps", "grid_on", "One image through every layer: which code stands where, and what it means.",
        code_maps.Options, code_maps.sheet, pictured=True,
    ),
    "codebook": View(
        "Codebook", "bar_chart", "Which codes are used, how often, and for which concepts.",
        codebook.Options, codebook.sheet,
    ),
    "latent_map": View(
        "Latent map", "scatter_plot", "The space of latents in two or three dimensions.",
        latent_map.Options, latent_map.sheet,
    ),
    "layers": View(
        "Layers", "layers", "What each layer adds to a reconstruction, and images recombined of layers.",
        layers.Options, layers.sheet, encoded=False, section="Judge",
    ),
    "rate_distortion": View(
        "Rate–distortion", "ssid_chart", "Quality against bits, beside other checkpoints, JPEG and WebP.",
        rates.Options, rates.sheet, encoded=False, section="Judge",
    ),
    "compare": View(
        "Compare", "balance", "This checkpoint beside another one, on the same images.",
        compare.Options, compare.sheet, pictured=True, below=True, section="Judge", unasked=False,
    ),
    "steps": View(
        "Six steps", "conversion_path", "What the VQ layer does with one cell, step by step, and how it learns.",
        steps.Options, steps.sheet, pictured=True, section="Touch", unasked=False,
    ),
    "edit": View(
        "Edit", "brush", "Paint codes onto an image and see at once what they do.",
        edit.Options, edit.sheet, pictured=True, section="Touch", unasked=False,
    ),
    "traverse": View(
        "Traverse", "tune", "What each unit of a latent does; ways between images, sums of latents, samples.",
        traverse.Options, traverse.sheet, pictured=True, section="Touch", unasked=False,
    ),
    "masks": View(
        "Masks", "deblur", "Hide patches of an image by hand: what comes back, which ones hurt, what attends to what.",
        masks.Options, masks.sheet, encoded=False, pictured=True, section="Touch", unasked=False,
    ),
    "prior": View(
        "Prior", "casino", "New images drawn from learned codes, holes filled, and what surprises the prior.",
        prior.Options, prior.sheet, pictured=True, below=True, section="Use", unasked=False,
    ),
    "similar": View(
        "Similar", "image_search", "The images most like one, a part of it, or some codes, and the codes that say why.",
        similar.Options, similar.sheet, pictured=True, section="Use", unasked=False,
    ),
    "groups": View(
        "Groups of codes", "account_tree", "Which codes belong together, whether that is chance, and what they mean.",
        groups.Options, groups.sheet, section="Use", unasked=False,
    ),
    "ids": View(
        "Product ids", "tag", "Short words made of codes, coarse to fine, for a recommender, and what they are worth.",
        ids.Options, ids.sheet, pictured=True, below=True, section="Use", unasked=False,
    ),
    "relations": View(
        "Relations", "diversity_3", "Users and products: what each may want next, who is alike, and by which codes.",
        relations.Options, relations.sheet, section="Use", unasked=False, private=True,
    ),
}  # fmt: skip
