"""new-name (OWNER/REPOSITORY): invert.py optimises its code in Z+ instead of W+."""

from zplus_plugins.patches import device
from zplus_plugins.upstreams import Adapter, Checkpoint, InstanceOf, Reliance, Script, Writable, Writer

GENERATOR = Checkpoint("{ckpt}", what="generator (--ckpt)", remedy="Say where to download it.", keys=("g_ema",))

ADAPTER = Adapter(
    name="new-name",
    summary="new-name: the code is optimised in Z+ instead of W+",
    upstream="https://github.com/OWNER/REPOSITORY",
    tested_commits=(),
    # Files that distinguish the repository from others with a script of this name.
    markers=("model.py",),
    # `needs` is checked before the script does anything; {ckpt} stands for its argument --ckpt.
    scripts=(Script("invert.py", role="invert", needs=(GENERATOR, Writable("{out}"))),),
    # Functions that must not change; `zplus check --fingerprints invert.py` prints them with their fingerprints.
    relies_on=(
        Reliance("invert.py:main"),
        Reliance("model.py:Generator.__init__"),
    ),
    # The object that contains the mapping network.
    generator=(InstanceOf("model:Generator"),),
    # Where codes are saved, and the function that writes them; a record with z is written beside each code.
    codes="results/*.npy",
    writers=(Writer("numpy:save", suffix=".npy"),),
    # Fixes for what breaks the script on current machines, one problem per patch; here `.cuda()` without a GPU.
    patches=(device.PATCH,),
)
