"""Recognise a script's style codes, among an optimizer's parameters or as estimates, and give each its z."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.chase import project
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.swap.leaf import in_layers
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.results.codes import Codes
from zplus_plugins.upstreams.results.live import LiveCodes
from zplus_plugins.upstreams.results.rows import rows
from zplus_plugins.upstreams.run.starts import Starts


class StyleCodes:
    """See the module.

    Args:
        run: gives the generator, its mapping, and the latent.
        script: path of the script, for messages.
        start: a plugin's start, shape (1, codes, z_dim), for a mapping and a number of codes; None to use ``starts``.
        starts: where inversions start.
        seed: returns the seed of the start, which the script's arguments may give.
        live: the codes that this run has found; estimates are added to them.
        codes: the codes that this run has saved or loaded.
        repeated: whether the adapter says where the script repeats a code for all layers.
    """

    def __init__(
        self,
        run: RunContext,
        script: str,
        *,
        start: Callable[[StyleMapping, int], SphericalLatent | None],
        starts: Starts,
        seed: Callable[[], int],
        live: LiveCodes,
        codes: Codes,
        repeated: bool,
    ) -> None:
        self._run = run
        self._script = script
        self._start = start
        self._starts = starts
        self._seed = seed
        self._live = live
        self._codes = codes
        self._repeated = repeated

    def has_code_per_layer(self, leaf: Tensor) -> bool:
        """Whether a leaf is a style code of shape (B, L, D)."""
        if self._run.generator is None:
            return False
        mapping = self._run.mapping()
        return leaf.ndim == 3 and tuple(leaf.shape[1:]) == (mapping.num_ws, mapping.w_dim)

    def has_one_code(self, leaf: Tensor) -> bool:
        """Whether a leaf is a style code that the script itself repeats for all layers, (B, 1, D) or (B, D).

        Raises:
            SwapError: it is one, and the run is in Z+, which needs a code for each layer.
        """
        if not self._is_single(leaf):
            return False
        mapping = self._run.mapping()
        if self._run.latent == "zplus" and not self._repeated:
            raise SwapError(
                f"{self._script} optimises one style code for all layers, a leaf of shape {tuple(leaf.shape)}; Z+ "
                f"needs (B, {mapping.num_ws}, {mapping.w_dim}). Run it with --latent z, or in W+ mode if it has one."
            )
        return True

    def listed(self, leaves: Mapping[int, Tensor]) -> list[int]:
        """The positions of leaves of the same shape with one code each, if there is one for every layer."""
        found = [i for i, leaf in leaves.items() if self._is_single(leaf)]
        same = len({leaves[i].shape for i in found}) == 1
        return found if same and len(found) == self._run.mapping().num_ws > 1 else []

    def make(self, leaf: Tensor) -> tuple[SphericalLatent, StyleMapping]:
        """The latent that replaces a leaf, at its start, and the map from it to w."""
        mapping = self._run.mapping()
        codes = self._number_of_codes(mapping)
        start = self._start(mapping, codes)
        if start is None:
            start = self._known_start(leaf, codes) if self._starts.name == "project" else None
        if start is None:
            start = self._starts.at(mapping, codes, self._seed(), in_layers(leaf, mapping.num_ws))
        z = start.detach().to(leaf.device).expand(leaf.shape[0], -1, -1).clone()
        return SphericalLatent(z, radius=start.radius), mapping

    def project(self, w: Tensor, *, rounded: bool = False) -> Tensor:
        """Project style codes (B, L, D) that nothing optimises, and return map(z) to use instead.

        Codes that this run has found are map(z) already, and are returned unchanged.

        Args:
            w: the style codes.
            rounded: whether the script takes them apart and puts them together again.

        Raises:
            LatentError: they contain NaN or inf.
            GeneratorError: they have the shape of another generator's codes.
        """
        mapping = self._run.mapping()
        known = [] if rounded else [self._live.find(row) for row in rows(w.float()) or ()]
        if known and all(known):
            return w
        found = project(mapping, w.detach().float(), codes=self._number_of_codes(mapping), seed=self._seed())
        self._live.add_estimate(found.latent, found.w, mapping, rounded=rounded)
        return found.w.to(w)

    def _number_of_codes(self, mapping: StyleMapping) -> int:
        return mapping.num_ws if self._run.latent == "zplus" else 1

    def _is_single(self, leaf: Tensor) -> bool:
        if self._run.generator is None or leaf.ndim not in (2, 3):
            return False
        # Weights of networks have such shapes, too, and so has square noise.
        weight = leaf.ndim == 2 and (isinstance(leaf, nn.Parameter) or leaf.shape[0] == leaf.shape[1])
        return not weight and leaf.shape[-1] == self._run.mapping().w_dim and (leaf.ndim == 2 or leaf.shape[1] == 1)

    def _known_start(self, leaf: Tensor, codes: int) -> SphericalLatent | None:
        """The z of a leaf that starts at codes which this run has found or loaded, such as an encoder's estimate."""
        found = [self._live.find(row) or self._codes.record_of(row) for row in rows(leaf) or ()]
        z = [torch.from_numpy(record.z) for record in found if record is not None and record.z.shape[1] == codes]
        return SphericalLatent(torch.cat(z).to(leaf.device)) if z and len(z) == len(leaf) else None
