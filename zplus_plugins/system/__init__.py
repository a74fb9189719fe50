"""The machine: files, processes, devices, the terminal. Knows neither models nor scripts."""
