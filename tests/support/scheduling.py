"""Which tests pytest-xdist gives to one worker together, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from support.places import ADAPTERS


class Sharing(LoadScopeScheduling):
    """As ``--dist loadscope``, in the order of collection, but all tests of the adapters go to one worker."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self.config.option.loadscopereorder = False  # it puts long modules of few tests last, where a worker is alone

    def _split_scope(self, nodeid: str) -> str:
        return ADAPTERS if nodeid.startswith(ADAPTERS) else super()._split_scope(nodeid)
