"""How work is divided: among batches, processes and machines. Knows neither models nor scripts."""
