"""Read files that nobody vouches for: nothing in them is run, and what they claim is checked against what is there.

:mod:`interpreter` reads pickles, in which a name means what a *vocabulary* says and is never the function or class of
that name. :mod:`container` reads the files of ``torch.save`` around them. :mod:`checkpoint` makes of both what
``torch.load(weights_only=True)`` returns for sound files; :mod:`zplus_plugins.generators.unpickling` has a vocabulary
of its own, with stand-ins for other people's networks.

``torch.load`` itself is not used on such files, because its ``weights_only`` is no wall in every torch that we support:
before 2.6 it runs TorchScript archives all the same (CVE-2025-32434), and before 2.10 it trusts the sizes that a file
claims, and reads beyond what is there (CVE-2026-24747).
"""

from __future__ import annotations

from zplus_plugins.untrusted.problems import DamagedError, RefusedError, printable, told

__all__ = ["DamagedError", "RefusedError", "printable", "told"]
