"""How the demo looks: its head, its colours in light and dark, and what a phone shows of the choices."""

from __future__ import annotations

import gradio as gr

from explorer.sheets import browser, drawing

HEAD = f"""
<div class="cx-head"><svg xmlns="http://www.w3.org/2000/svg" width="36" height="36" viewBox="0 0 32 32"
aria-hidden="true">{drawing.MARK_CELLS}</svg><h1>Codebook Explorer</h1>
<p>Do the codes of an image autoencoder capture concepts? Pick a checkpoint, drop a picture, and see what comes back,
which code stands where, and what is most like it.</p></div>
"""
FONT = gr.themes.LocalFont("Source Sans Pro", weights=(400, 700))  # comes with Gradio, which lacks parts of its 600


def theme() -> gr.themes.Base:
    """Slate on white or black; secondary text has at least 4.5 : 1 on both."""
    quiet, dark = "*neutral_600", "*neutral_300"
    return gr.themes.Default(
        primary_hue="blue", secondary_hue="slate", neutral_hue="slate", font=[FONT, "system-ui", "sans-serif"]
    ).set(
        body_text_color_subdued=quiet, body_text_color_subdued_dark=dark, block_info_text_color=quiet,
        block_info_text_color_dark=dark, block_label_text_color=quiet, block_label_text_color_dark=dark,
        link_text_color="*primary_700", link_text_color_dark="*primary_300",
    )  # fmt: skip


STYLE = (
    browser.STYLE
    + """
:root, .gradio-container { --cx-text: var(--body-text-color); --cx-quiet: var(--body-text-color-subdued);
  --cx-line: var(--border-color-primary); --cx-back: var(--body-background-fill);
  --cx-panel: var(--background-fill-secondary); --cx-accent: var(--link-text-color); }
.cx-head { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; margin: 4px 0 2px; }
.cx-head svg { flex: none; }
.cx-head h1 { margin: 0; font-size: 1.5rem; font-weight: 700; }
.cx-head p { margin: 0; color: var(--cx-quiet); flex: 1 1 320px; }
.cx-choices { display: flex; flex-wrap: wrap; gap: 10px 20px; align-items: end; margin: 8px 0; }
.cx-choice { border: 0; padding: 0; margin: 0; min-width: 0; display: flex; align-items: end; }
fieldset.cx-choice { display: block; }
.cx-choice > label { display: flex; flex-direction: column; gap: 3px; }
.cx-choice > label > span, .cx-choice legend { color: var(--cx-quiet); font-size: 0.84rem; padding: 0 0 3px; }
.cx-line { display: flex; align-items: end; }
.cx-line > .cx-help, .cx-choice > .cx-help { margin-bottom: 8px; }
.cx-choice :is(select, input[type=number], input[type=text]) { font: inherit; color: var(--cx-text); padding: 5px 8px;
  background: var(--input-background-fill); border: 1px solid var(--cx-line); border-radius: 6px; min-width: 90px;
  max-width: 260px; box-sizing: border-box; height: 36px; }
.cx-choice input[type=number] { width: 110px; }
.cx-choice output { color: var(--cx-quiet); font-size: 0.84rem; }
.cx-toggle { flex-direction: row; align-items: center; gap: 8px; height: 36px; }
.cx-buttons { display: inline-flex; flex-wrap: wrap; border: 1px solid var(--cx-line); border-radius: 6px;
  overflow: hidden; }
.cx-buttons input { position: absolute; opacity: 0; pointer-events: none; }
.cx-buttons span { display: block; padding: 5px 12px; cursor: pointer; border-right: 1px solid var(--cx-line);
  line-height: 24px; }
.cx-buttons label:last-child span { border-right: 0; }
.cx-buttons input:checked + span { background: var(--cx-accent); color: var(--cx-back); }
.cx-buttons input:focus-visible + span { outline: 2px solid var(--cx-accent); outline-offset: -3px; }
button[role=tab][aria-selected=true] { color: var(--cx-accent) !important; }
/* where tabs wrap, Gradio shows the chosen one once more behind the last */
button[role=tab][aria-selected=true] ~ button[role=tab][aria-selected=true] { display: none; }
.cx-sharp img { image-rendering: pixelated; }
#picture .image-frame img { width: 100%; height: 100%; object-fit: contain; }
#examples .grid-wrap { min-height: 0 !important; height: auto !important; max-height: none; }
#examples .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important; margin: 0;
  gap: 6px; grid-template-rows: none !important; grid-auto-rows: auto !important; }
#examples .gallery-item, #examples button { width: 100% !important; height: auto !important; aspect-ratio: 1; }
.gradio-container main.app { max-width: 1480px; margin: 0 auto; }
.cx-about p, .cx-about li { max-width: 80ch; }
.cx-about table { display: block; overflow-x: auto; word-break: normal; white-space: nowrap; border: 0; }
.html-container { padding: 0 !important; }
@media (max-width: 640px) {
  .gradio-container main.app, .gradio-container > main { padding: 8px !important; }
  .tab-container button { padding: 0 5px !important; font-size: 13px !important; }
  .cx-head { gap: 8px; }
  .cx-head svg { width: 28px; height: 28px; }
  .cx-head h1 { font-size: 1.25rem; }
  .cx-head p { font-size: 0.85rem; line-height: 1.3; flex-basis: 100%; }
  #inputs { display: grid; grid-template-columns: 132px minmax(0, 1fr); gap: 8px; align-items: start; }
  #picture { grid-column: 1; grid-row: 1 / span 2; height: 132px !important; min-width: 0 !important; }
  #checkpoint, #examples { grid-column: 2; min-width: 0 !important; }
  #examples .grid-container { grid-template-columns: none !important; grid-auto-flow: column;
    grid-auto-columns: 46px !important; overflow-x: auto; }
  #examples { grid-row: 2; }
  #facts { grid-column: 1 / -1; grid-row: 3; min-width: 0 !important; }
  #facts .cx-note { font-size: 0.82rem; margin: 0; line-height: 1.3; }
  #fit { display: none; }
}
"""
)
