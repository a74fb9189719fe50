"""The command ``zplus``, one module a family of subcommands."""
