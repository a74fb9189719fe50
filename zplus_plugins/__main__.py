"""``python -m zplus_plugins``: the same as ``zplus``."""

from zplus_plugins.cli import main

if __name__ == "__main__":
    main(prog_name="zplus")
