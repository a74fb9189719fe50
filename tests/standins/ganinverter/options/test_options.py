"""Arguments of the scripts that invert."""

from __future__ import annotations

from options.base_options import BaseOptions, str2bool


class TestOptions(BaseOptions):
    """See the module."""

    def initialize(self) -> None:
        super().initialize()
        add = self.parser.add_argument
        add("--embed_mode", default="encoder", type=str)
        add("--refine_mode", default=None, type=str)
        add("--output_dir", default=None, type=str)
        add("--save_code", default=False, type=str2bool)
        add("--save_intermediate", default=False, type=str2bool)
        add("--save_keys", default=None, type=str, nargs="+")
        add("--code_path", default=None, type=str)
        add("--output_resolution", default=None, nargs="+")
        add("--w_plus", default=True, type=str2bool)
        add("--lr", default=0.1, type=float)
        add("--optim_step", default=1000, type=int)
        add("--noise", default=0.05, type=float)
        add("--noise_ramp", default=0.75, type=float)
        add("--noise_regularize", default=1e5, type=float)
        add("--pti_lr", default=3e-4, type=float)
        add("--pti_step", default=800, type=int)
        add("--latent_names", default="W+,F4,F6,F8,F10", type=str)
        add("--thresh", default=0.225, type=float)
        add("--sam_lr", default=0.05, type=float)
        add("--sam_step", default=1001, type=int)
        add("--dhr_feature_idx", default=11, type=int)
        add("--dhr_weight_lr", default=1.5e-3, type=float)
        add("--dhr_feature_lr", default=9e-2, type=float)
        add("--dhr_weight_step", default=50, type=int)
        add("--dhr_feature_step", default=100, type=int)
        add("--edit_mode", default="interfacegan", type=str)
        add("--edit_factor", default=1.0, type=float)
        add("--edit_path", default="", type=str)
        add("--edit_save_path", default="", type=str)
        add("--ganspace_directions", nargs="+", type=int, default=[54, 7, 8, 20])
