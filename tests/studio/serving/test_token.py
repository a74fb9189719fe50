"""Where the token is kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from zplus_plugins.studio.serving.token import Keys, token_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZPLUS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "studio"


def test_a_token_belongs_to_a_folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(tmp_path / "out")
    assert len(token) == 43 and token_of(tmp_path / "out") == token
    assert token_of(tmp_path / "other") != token
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert token_of(Path("out")) == token_of(Path("link")) == token
    assert len(list(cache.iterdir())) == 2


def test_nobody_else_can_read_it(tmp_path: Path, cache: Path) -> None:
    token_of(tmp_path)
    (file,) = cache.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoilt", ["open", "cut", "long", "link", "empty"])
def test_a_token_that_may_be_known_is_replaced(tmp_path: Path, cache: Path, spoilt: str) -> None:
    token = token_of(tmp_path)
    (file,) = cache.iterdir()
    if spoilt == "open":
        file.chmod(0o644)
    elif spoilt == "link":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text("a" * 43)
        elsewhere.chmod(0o600)
        file.unlink()
        file.symlink_to(elsewhere)
    else:
        file.write_text({"cut": token[:10], "long": token + "x", "empty": ""}[spoilt])
    new = token_of(tmp_path)
    assert new not in (token, "a" * 43) and token_of(tmp_path) == new
    assert not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_cache_it_is_new_every_time(tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.parent.write_text("a file where the folder should be")
    first, second = token_of(tmp_path), token_of(tmp_path)
    assert first != second and len(first) == len(second) == 43
    assert "cannot be kept" in caplog.text and first not in caplog.text


def test_comparison() -> None:
    keys = Keys("a" * 43)
    assert keys.fits("a" * 43)
    assert not any(map(keys.fits, ("", "a" * 42, "a" * 44, "b" * 43, "ä")))
    assert not keys.opens("")
