"""``zplus convert``."""

from __future__ import annotations

from pathlib import Path

import click

from zplus_plugins.cli import documents
from zplus_plugins.system import options
from zplus_plugins.system.console import bar, document, result, say


@click.command()
@click.argument("source", metavar="A", type=options.FILE)
@click.argument("target", metavar="B", type=options.FILE)
@click.option(
    "--to",
    type=click.Choice(("nvlabs", "rosinality", "genforce", "ours", "safetensors")),
    help="Format of B. [default: nvlabs for .pkl, safetensors for .safetensors]",
)
@options.label
@options.overwrite
@options.as_json
@options.voice
def convert(
    source: Path, target: Path, to: str | None, label: options.Label | None, overwrite: bool, as_json: bool
) -> None:
    """Write the generator in the file A in another format, to B.

    B is read again and must make the same pictures as A, to 1e-5; if it does not, there is no B. For what the format of
    B cannot express, a message says what that means, or the conversion is refused. Only the generator is converted (the
    averaged one, if A has it): not the discriminator, nor what a training would need to go on. Of a conditional
    generator, --label chooses what B generates; B itself takes no label.

    \b
    Examples:
      zplus convert ffhq.pkl ffhq.pt --to rosinality
      zplus convert stylegan2-ffhq-config-f.pt ffhq.pkl
      zplus convert ffhq.pkl stylegan2_ffhq1024.pth --to genforce
      zplus convert ffhq.pkl ffhq.safetensors
      zplus convert cifar10.pkl cats.pkl --label 3
    """
    from zplus_plugins.generators.convert import STAGES
    from zplus_plugins.generators.convert import convert as converted

    with bar(STAGES, "step", "converting") as shown:
        done = converted(source, target, to, label, overwrite, shown.update)
    if not done.made:
        say(f"{target} was made before; --overwrite makes it again.")
    for note in done.notes:
        say(note)
    if as_json:
        document(documents.of_conversion(source, done))
    else:
        if done.difference is not None:
            say(f"the pictures of both differ by at most {done.difference:.1e}.")
        result(target)
