"""README.md on an index, where a link to a file of the repository leads nowhere."""

from __future__ import annotations

import pytest

from zplus_plugins.building import description

ADDRESS = "https://example.org/someone/zplus-plugins"
FILES, PICTURES = f"{ADDRESS}/blob/v1.2.3", f"{ADDRESS}/raw/v1.2.3"


@pytest.mark.parametrize(
    ("markdown", "absolute", "without"),
    [
        ("see [`docs/a.md`](docs/a.md#b).", f"see [`docs/a.md`]({FILES}/docs/a.md#b).", "see `docs/a.md`."),
        ('[a](./a.md "A")', f'[a]({FILES}/a.md "A")', "a"),
        ("[below](#the-end)", f"[below]({FILES}/README.md#the-end)", "below"),
        ("![a [b] c](docs/a.png)\n", f"![a [b] c]({PICTURES}/docs/a.png)\n", "\n"),
        ("[![a](a.png)](a.md)", f"[![a]({PICTURES}/a.png)]({FILES}/a.md)", ""),
        (
            "[![a](https://x.org/a.png)](a.md)",
            f"[![a](https://x.org/a.png)]({FILES}/a.md)",
            "![a](https://x.org/a.png)",
        ),
        ("[a][b] and [B][]\n\n[b]: b.md\n", f"[a]({FILES}/b.md) and [B]({FILES}/b.md)\n\n", "a and B\n\n"),
        ('<img src="a.png" alt="a">', f'<img src="{PICTURES}/a.png" alt="a">', '<img alt="a">'),
        ('<a href="a.md">a</a>', f'<a href="{FILES}/a.md">a</a>', "<a>a</a>"),
    ],
)
def test_links_to_files(markdown: str, absolute: str, without: str) -> None:
    assert description.for_an_index(markdown, ADDRESS, "1.2.3") == absolute
    assert description.for_an_index(markdown, None, "1.2.3") == without


@pytest.mark.parametrize(
    "markdown",
    [
        "[the paper](https://arxiv.org/abs/2307.08995) [mail](mailto:a@example.org) //example.org/",
        "a `[b](c.md)` and ``[b](`c.md)``",
        "```sh\n[b](c.md)\n```\n",
        "~~~\n[b](c.md)\n```\n[b](c.md)\n~~~\n",
        "x[0](1 + 2), [a][unknown] and [ ] a task",
    ],
)
def test_all_else_stays(markdown: str) -> None:
    assert description.for_an_index(markdown, ADDRESS, "1.2.3") == markdown
    assert description.for_an_index(markdown, None, "1.2.3") == markdown


def test_the_address_comes_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(description.VARIABLE, raising=False)
    assert description.repository() is None
    monkeypatch.setenv(description.VARIABLE, f"{ADDRESS}/")
    assert description.repository() == ADDRESS
    for wrong in ("someone/zplus-plugins", "http://example.org/a", "https://example.org", f"{ADDRESS} {ADDRESS}"):
        monkeypatch.setenv(description.VARIABLE, wrong)
        with pytest.raises(ValueError, match=r"ZPLUS_REPOSITORY is '.*'; expected the repository's page"):
            description.repository()
