"""The miniature repository inside this package: F/W+ becomes F/Z+, without a checkout."""

from __future__ import annotations

from zplus_plugins.adapter import Adapter, FeatureMap, Reliance, Script, TruncationArguments, Writer
from zplus_plugins.captures import InstanceOf

ADAPTER = Adapter(
    name="demo",
    summary="zplus demo: a miniature inversion repository of our own",
    upstream="part of zplus-plugins (zplus_plugins/demo/repository)",
    markers=("generator.py", "PHOTO.md"),
    scripts=(Script("invert.py", role="invert"),),
    relies_on=(Reliance("generator.py:Generator.__init__"),),
    generator=(InstanceOf("generator:Generator"),),
    feature_map=FeatureMap(synthesis=("generator:Synthesis.forward",), arguments=("feature",)),
    codes="code/*.npy",
    writers=(Writer("numpy:save", suffix=".npy"),),
    truncation=TruncationArguments(psi="trunc_psi"),
)
