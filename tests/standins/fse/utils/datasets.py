"""The training's pictures; the scripts star-import this, too."""

from __future__ import annotations
