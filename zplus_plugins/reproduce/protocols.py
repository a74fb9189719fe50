"""The protocols: Table 1 and Figure 5 of arXiv 2307.08995, and LSAP's table (arXiv 2209.12746).

A figure that we could not read in the paper or in its authors' code is left out, and a note says so.
"""

from __future__ import annotations

from zplus_plugins.compare.statistics import paper
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import Settings
from zplus_plugins.reproduce.protocol import Protocol, Row

PAPER = "arXiv 2307.08995: 50 images of CelebA-HQ, StyleGAN2 of FFHQ at 1024 px"
BDINVERT = Settings(steps=1200, lr=0.01, f_lr=0.01, likeness=10, keep_f=10, pn=0.01, rates="plain")
"""The defaults of BDInvert's ``invert.py``, which the authors' copies of it keep: Adam with a constant learning rate,
the mean squared error, LPIPS, the squared distance of F from the encoder's estimate, and that from the mean in P_N."""
_AS_BDINVERT = "the defaults of BDInvert's script and of the authors' copies of it"
_TRUNCATION = Truncation(0.7, 8)
"""Of codes mapped from Z and Z+, by the defaults of the authors' scripts."""

_OF_BDINVERT = (
    "Which 50 images the paper used is not known: here they are the first by name.",
    "In BDInvert, F starts at an encoder's estimate, and is held there with weight 10. Here it starts at the F of the "
    f"mean image, which estimates nothing, so the weight is {Settings().keep_f:g}; of drawn portraits, the embedded "
    "encoder gives the estimate, and the weight is 10.",
    "Codes in Z and Z+ start at the mean style code here, and at random ones in the authors' scripts; they are "
    "retracted after every step (Eq. 1) here, and only before the first there. For BDInvert's own script in F/Z+, see "
    "docs/authors-scripts.md.",
    "For LPIPS, images are averaged down to 256 px here, and reduced by bicubic interpolation in BDInvert.",
)

TABLE1 = Protocol(
    name="table1",
    title="Reconstruction in each space",
    source=PAPER,
    figures=("mse", "ssim"),
    rows=(
        *(Row.of_space(s, paper.RECONSTRUCTION[s]) for s in ("z", "zplus", "wplus-pn", "wplus", "f/z")),
        *(Row.of_space(s, paper.RECONSTRUCTION[s]) for s in ("f/zplus", "f/wplus-pn")),
        Row(
            "IDInvert",
            None,
            paper.OTHERS["IDInvert"],
            "another method, not run: zplus run --latent off invert.py in its checkout",
        ),
    ),
    settings=BDINVERT,
    reference=_AS_BDINVERT,
    digits=5,
    truncation=_TRUNCATION,
    tested=True,
    notes=(
        *_OF_BDINVERT,
        "The paper's test is of non-inferiority with a margin of 1e-8; here it is a one-sided paired t-test.",
    ),
)

FIG5 = Protocol(
    name="fig5",
    title="Identity after edits",
    source=PAPER,
    figures=("identity",),
    rows=tuple(Row.of_space(s, {"identity": paper.IDENTITY[s]}) for s in ("f/zplus", "f/wplus")),
    settings=BDINVERT,
    reference=_AS_BDINVERT,
    digits=3,
    truncation=_TRUNCATION,
    directions=5,
    notes=(
        *_OF_BDINVERT,
        "Which five directions the paper took, and the unit of its strengths from -2 to 2, are not known. Here unit "
        "strength is one standard deviation of random style codes, unless a given direction has a length of its own. "
        "Codes on the hypersphere move along one direction in Z, as in the authors' scripts.",
        "Identity is the similarity to the image that was inverted. If no face is found in an edited image in one "
        "space, it counts in neither; how the paper counts such images is not known.",
    ),
)

_BENCHMARK = (
    "the benchmark in the README of GANInverter, LSAP's repository, at commit e3d5d4d: 2,824 images of CelebA-HQ"
)
TABLE_LSAP = Protocol(
    name="table-lsap",
    title="LSAP: distance from the synthetic distribution, and reconstruction",
    source=_BENCHMARK,
    figures=("nscd", "mse", "lpips"),
    rows=(
        Row("Optimization-W", "w", {"mse": 0.0670, "lpips": 0.1967}),
        Row("Optimization-W+", "wplus", {"mse": 0.0242, "lpips": 0.1092}),
        Row("LSAP_O in W+", "wplus-lsap"),
        Row(
            "LSAP_E",
            None,
            {"mse": 0.0391, "lpips": 0.1765},
            "an encoder, not run: zplus run --latent off scripts/test.py -c configs/lsap/lsap_ffhq_r50.yaml in "
            "GANInverter's checkout, or --latent zplus for its estimate in Z+: docs/lsap.md",
        ),
        Row.of_space("zplus"),
        Row.of_space("f/wplus"),
        Row("LSAP_O in F/W+", "f/wplus-lsap"),
        Row.of_space("f/zplus"),
    ),
    settings=Settings(steps=1000, likeness=0.8, lsap=0.5),
    reference="GANInverter's number of steps, the weights of LSAP's encoder, and the learning rates of zplus invert",
    digits=4,
    notes=(
        "The figures of the paper itself (arXiv 2209.12746), NSCD and LSAP_O among them, are not given: we could not "
        "read its tables. Those given are of its authors' repository, which says that they may differ from its.",
        "The weights are those that LSAP's encoder was trained with (MSE 1, LPIPS 0.8, alignment 0.5); those of LSAP_O "
        "are not known. GANInverter's optimisation in W and W+ uses LPIPS alone, and optimises the noise, too, which "
        "is constant here.",
        "GANInverter measures at 256 px, and LPIPS, by its README, with VGG, by its script with AlexNet. Here both are "
        "measured at the generator's resolution, and LPIPS with VGG.",
        "NSCD leaves out the layers that F replaces, so spaces with F can only be compared with each other.",
    ),
)

PROTOCOLS = {protocol.name: protocol for protocol in (TABLE1, FIG5, TABLE_LSAP)}
