"""The functions of IDInvert that the adapter relies on."""

from __future__ import annotations

from zplus_plugins.upstreams import Reliance

NETWORK, INVERTER, EDITOR = "models/stylegan_generator_network.py", "utils/inverter.py", "utils/editor.py"
RELIES_ON = (
    Reliance(f"{INVERTER}:StyleGANInverter.__init__", "76cfeefd91926374"),
    Reliance(f"{INVERTER}:StyleGANInverter.get_init_code", "d3860fdca23e3048"),
    Reliance(f"{INVERTER}:StyleGANInverter.invert", "3f6565ba18b0c0e1"),
    Reliance(f"{INVERTER}:StyleGANInverter.diffuse", "fbdc9ef728aaee65"),
    Reliance("models/base_module.py:BaseModule.__init__", "3cc54a64cec8a146"),
    Reliance("models/model_settings.py:get_weight_path", "30ca0e234d2a7460"),
    Reliance("models/stylegan_generator.py:StyleGANGenerator.build", "470d2e91b8781dec"),
    Reliance("models/stylegan_generator.py:StyleGANGenerator._synthesize", "779ede8f84728f38"),
    Reliance(
        f"{NETWORK}:StyleGANGeneratorNet.__init__",
        "84a0ec467f947a01",
        takes=("z_space_dim", "w_space_dim", "repeat_w"),
    ),
    Reliance(f"{NETWORK}:MappingModule.forward", "ee038570ffdc1ab2", takes=("z",)),
    Reliance(f"{NETWORK}:TruncationModule.forward", "a77a953a2b667c72", takes=("w",)),
    Reliance(f"{NETWORK}:SynthesisModule.forward", "a108501e5aea7df9", takes=("w",)),
    Reliance(f"{EDITOR}:manipulate", "d50f466e3fbdfa06", takes=("latent_codes", "boundary")),
    Reliance(f"{EDITOR}:interpolate", "d49cb00027e8720b", takes=("src_codes", "dst_codes")),
    Reliance(f"{EDITOR}:mix_style", "a1c8f9026ee2de8c", takes=("style_codes", "content_codes")),
    Reliance("utils/visualizer.py:HtmlPageVisualizer.save", "63a5e10d190011c5", takes=("save_path",)),
    Reliance("utils/logger.py:setup_logger", "1f07143f61798cca"),
)
