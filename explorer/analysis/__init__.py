"""Pure functions of codes and latents: arrays in, numbers out; no files, no plots, no printing."""
