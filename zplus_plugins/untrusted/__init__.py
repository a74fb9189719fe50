"""Read untrusted files: no code in them is executed, and the sizes that they declare are checked against their content.

:mod:`interpreter` reads pickles. A *vocabulary* defines what each name in a pickle stands for; it is never the function
or class of that name. :mod:`container` reads the files of ``torch.save`` that contain the pickles. :mod:`checkpoint`
combines both into a replacement for ``torch.load(weights_only=True)``. :mod:`zplus_plugins.generators.unpickling` has
its own vocabulary, with stand-ins for the network classes of the upstreams.

``torch.load`` itself is not used on such files, because ``weights_only`` is not safe in every version of torch that we
support: before 2.6 it still executes TorchScript archives (CVE-2025-32434), and before 2.10 it trusts the sizes
declared in a file, and reads out of bounds (CVE-2026-24747).
"""

from __future__ import annotations

from zplus_plugins.untrusted.problems import DamagedError, RefusedError, listed, printable, shown, told

__all__ = ["DamagedError", "RefusedError", "listed", "printable", "shown", "told"]
