"""Shares of a list: together all of it, and nothing twice."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from zplus_plugins.execution.shards import ALL, Shard, shard


@click.command()
@shard("images")
def command(shard: Shard) -> None:
    click.echo(f"{shard} {shard.of('abcde')}")


def test_the_shares_are_the_list() -> None:
    items = list(range(11))
    shares = [Shard(index, 4).of(items) for index in range(1, 5)]
    assert shares[0] == [0, 4, 8] and shares[3] == [3, 7]
    assert sorted(item for share in shares for item in share) == items


def test_more_shares_than_items() -> None:
    assert [Shard(index, 3).of(["a"]) for index in (1, 2, 3)] == [["a"], [], []]


def test_the_option() -> None:
    assert CliRunner().invoke(command, []).output == f"{ALL} ['a', 'b', 'c', 'd', 'e']\n"
    assert CliRunner().invoke(command, ["--shard", "2/3"]).output == "2/3 ['b', 'e']\n"


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/1000000", "1/3/5", "¹/3"])
def test_what_is_no_shard(text: str) -> None:
    said = CliRunner().invoke(command, ["--shard", text])
    assert said.exit_code == 2 and repr(text) in said.output
