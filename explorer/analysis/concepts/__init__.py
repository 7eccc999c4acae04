"""Do codes capture concepts? Pure functions: codes, labels and pixels in, numbers out. One question a file."""
