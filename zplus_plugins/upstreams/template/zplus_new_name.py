"""new-name (OWNER/REPOSITORY): invert.py finds its code in Z+ instead of W+."""

from zplus_plugins.patches import device
from zplus_plugins.upstreams import Adapter, Checkpoint, InstanceOf, Reliance, Script, Writable, Writer

GENERATOR = Checkpoint("{ckpt}", what="generator (--ckpt)", remedy="Say where to download it.", keys=("g_ema",))

ADAPTER = Adapter(
    name="new-name",
    summary="new-name: the code is found in Z+ instead of W+",
    upstream="https://github.com/OWNER/REPOSITORY",
    tested_commits=(),
    # Files that tell the repository from others that have a script of this name.
    markers=("model.py",),
    # `needs` is checked before the script does anything; {ckpt} is its argument --ckpt.
    scripts=(Script("invert.py", role="invert", needs=(GENERATOR, Writable("{out}"))),),
    # What must not change, with the fingerprints that `zplus check --fingerprints invert.py` prints.
    relies_on=(
        Reliance("invert.py:main"),
        Reliance("model.py:Generator.__init__"),
    ),
    # Who holds the mapping network.
    generator=(InstanceOf("model:Generator"),),
    # Where codes are saved, and what writes them: a record with z goes beside each code.
    codes="results/*.npy",
    writers=(Writer("numpy:save", suffix=".npy"),),
    # What breaks the script on today's machines, one problem a patch; here `.cuda()` without a GPU.
    patches=(device.PATCH,),
)
