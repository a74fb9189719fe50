"""Features of other networks; the default loss takes none of them."""
