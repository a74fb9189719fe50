"""Where files lie."""

from __future__ import annotations

model_paths = {"ir_se50": "pretrained_models/model_ir_se50.pth"}
