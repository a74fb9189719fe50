"""Where things lie in a checkout."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
STANDINS = TESTS / "standins"
ADAPTERS = "tests/upstreams/adapters/"  # in names of tests: they share checkouts with weights, which take long to make
