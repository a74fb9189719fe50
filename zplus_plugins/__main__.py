"""``zplus``, and ``python -m zplus_plugins``, which is the same."""

from zplus_plugins.system import process


def main() -> None:
    """Run the command; signals are taken care of before anything else is imported."""
    process.begin()
    from zplus_plugins.cli.main import main

    main(prog_name="zplus")


if __name__ == "__main__":
    main()
