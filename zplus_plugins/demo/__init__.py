"""The demo: one image in F/W+ and in F/Z+ of the embedded generator, reconstructed and edited, side by side."""
