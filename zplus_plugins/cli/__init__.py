"""The command ``zplus``, with one module for each group of subcommands."""
