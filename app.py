"""The one entry: `streamlit run app.py` opens the explorer, `python app.py` the demo for visitors."""

import sys
from pathlib import Path

PAGES = {  # file under explorer/pages: title, icon, what the page shows
    "reconstructions": (
        "Reconstructions",
        ":material/compare:",
        "What the checkpoint keeps of an image, and what it loses.",
    ),
    "code_maps": (
        "Code maps",
        ":material/grid_on:",
        "One image through every layer: which code stands where, and what it means.",
    ),
    "codebook": ("Codebook", ":material/bar_chart:", "Which codes are used, how often, and for which concepts."),
    "latent_map": ("Latent map", ":material/scatter_plot:", "The space of latents in two or three dimensions."),
    "layers": (
        "Layers",
        ":material/layers:",
        "What each layer adds to a reconstruction, and images recombined of layers.",
    ),
    "rate_distortion": (
        "Rate–distortion",
        ":material/ssid_chart:",
        "Quality against bits, beside other checkpoints, JPEG and WebP.",
    ),
    "training": (
        "Training",
        ":material/model_training:",
        "Runs in progress, their curves and samples; stop, resume, delete.",
    ),
}

runtime = sys.modules.get("streamlit.runtime")
if runtime is not None and runtime.exists():
    import streamlit as st

    from explorer.pages import session

    folder = Path(__file__).parent / "explorer" / "pages"
    st.set_page_config(page_title="Codebook Explorer", page_icon=session.MARK, layout="wide")
    pages = {
        name: st.Page(folder / f"{name}.py", title=title, icon=icon, help=about)
        for name, (title, icon, about) in PAGES.items()
        if (folder / f"{name}.py").exists()
    }
    page = st.navigation(list(pages.values()))
    st.set_page_config(page_title=f"{page.title} · Codebook Explorer")  # so that tabs and bookmarks can be told apart
    session.run(page)
elif __name__ == "__main__":
    from explorer import demo

    demo.launch()
