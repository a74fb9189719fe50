"""The machine: files, processes, devices, the terminal. Independent of models and scripts."""
