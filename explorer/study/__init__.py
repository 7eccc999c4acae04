"""One open checkpoint on one dataset, which every face reads."""
