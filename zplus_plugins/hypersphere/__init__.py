"""The method: codes on the hypersphere, the retraction onto it (arXiv 2307.08995, Eq. 1), and the mapping to w."""
