"""``python tests/killing [SCENE...] [--times N]``: kill commands at random moments, and print figures.

Scenes: invert, edit, directions, compare, demo; bdinvert and pti run the upstreams' own scripts, the stand-ins or, with
``--upstream``, those below ZPLUS_UPSTREAMS.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from killing.killer import kill
from killing.scenes import OWN, bdinvert, pti


def main() -> None:
    """Kill, and leave with 1 if anything was lost, torn, left or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", default=[*OWN, "bdinvert", "pti"])
    parser.add_argument("--times", type=int, default=20, help="kills of each [default: 20]")
    parser.add_argument("--seed", type=int, default=0, help="of the moments [default: 0]")
    parser.add_argument("--upstream", action="store_true", help="run the real upstreams' scripts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    import zplus_plugins.cli.main  # noqa: F401  # before the first fork

    kind, faults = "upstream" if options.upstream else "standin", []
    for name in options.scenes:
        work = Path(tempfile.mkdtemp(prefix=f"killing-{name}-"))
        scene = OWN[name] if name in OWN else {"bdinvert": bdinvert, "pti": pti}[name](kind, work / "checkout")
        for outcome in kill(scene, work / "kills", options.times, options.seed):
            if sys.stderr.isatty():
                print(f"\r{name}: {outcome}", end="", file=sys.stderr, flush=True)
        print(f"{name}: {outcome}", flush=True)
        faults += [f"{name} {fault}" for fault in outcome.faults]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
