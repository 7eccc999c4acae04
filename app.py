"""The one entry: `streamlit run app.py` opens the explorer, `python app.py` the demo for visitors."""

import sys

from explorer.files import place_library_caches

place_library_caches()
runtime = sys.modules.get("streamlit.runtime")
if runtime is not None and runtime.exists():
    from explorer.pages import frame

    frame.draw()
elif __name__ == "__main__":
    from explorer import demo

    demo.launch()
