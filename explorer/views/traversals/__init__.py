"""The parts of the view Traverse: units, ways between images, sums of latents, samples."""
