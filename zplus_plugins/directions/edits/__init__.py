"""One edit: the directions that it combines, the region that it is confined to, its records and its films."""
