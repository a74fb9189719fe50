"""Embedding, then refinement."""

from .two_stage_inference import TwoStageInference as TwoStageInference
