"""Embed, then refine."""

from __future__ import annotations

from typing import Any

from .code_infer import CodeInference
from .dhr_infer import DHRInference
from .encoder_infer import EncoderInference
from .optim_infer import OptimizerInference
from .pti_infer import PTIInference
from .sam_infer import SamInference

EMBEDDINGS: dict[str, Any] = {"encoder": EncoderInference, "optim": OptimizerInference, "code": CodeInference}
REFINEMENTS: dict[str, Any] = {"pti": PTIInference, "dhr": DHRInference, "sam": SamInference}


class TwoStageInference:
    """See the module."""

    def __init__(self, opts: Any) -> None:
        opts.n_styles = 2 * opts.resolution.bit_length() - 4
        self.embedding_module = EMBEDDINGS[opts.embed_mode](opts)
        self.refinement_module = REFINEMENTS[opts.refine_mode](opts) if opts.refine_mode is not None else None

    def inverse(self, images: Any, images_resize: Any, image_paths: Any) -> Any:
        emb = self.embedding_module.inverse(images, images_resize, image_paths)
        if self.refinement_module is None:
            return *emb, None, None, None
        emb_images, emb_codes, emb_info = emb
        return *emb, *self.refinement_module.inverse(
            images, images_resize, image_paths, emb_codes, emb_images, emb_info
        )

    def edit(self, images: Any, images_resize: Any, image_paths: Any, editor: Any) -> Any:
        emb_images, edited, emb_codes, edited_codes, emb_info = self.embedding_module.edit(
            images, images_resize, image_paths, editor
        )
        if self.refinement_module is None:
            return edited, edited_codes, emb_info, None, None, None
        _, refined, _, refined_codes, info = self.refinement_module.edit(
            images, images_resize, image_paths, emb_codes, emb_images, emb_info, editor
        )
        return edited, edited_codes, emb_info, refined, refined_codes, info
