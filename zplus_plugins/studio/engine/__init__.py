"""From a scene, which says what a page shows, to its frames: the only part of the studio that touches a generator."""
