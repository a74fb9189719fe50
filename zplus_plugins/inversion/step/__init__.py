"""One step of an inversion: the update rule, its precision, and its replay on a GPU."""
