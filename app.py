"""The one entry: `streamlit run app.py` opens the explorer, `python app.py` the demo for visitors."""

import sys

runtime = sys.modules.get("streamlit.runtime")
if runtime is not None and runtime.exists():
    from explorer.pages import frame

    frame.draw()
elif __name__ == "__main__":
    from explorer import demo

    demo.launch()
