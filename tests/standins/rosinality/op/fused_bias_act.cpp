// The kernel is left out: no test may compile it.
