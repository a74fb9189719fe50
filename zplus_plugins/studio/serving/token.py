"""The token that a page needs, kept so that a page that is open is known again by a server that was started again."""

from __future__ import annotations

import logging
import os
import re
import secrets
import stat
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.system import cache
from zplus_plugins.system.files import whole_file

_log = logging.getLogger("zplus_plugins")
_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}", re.ASCII)
_ALL = 0o777


class Keys:
    """What opens the page: the token, and a spare key that opens it once.

    The spare key is for the address with which a browser is started: others on this machine can read the arguments of
    its process.

    Args:
        token: in cookies, and in the address that is printed.
    """

    def __init__(self, token: str) -> None:
        self.token, self._spare = token, ""

    def spare(self) -> str:
        """A new key that opens the page once, instead of an earlier one."""
        self._spare = secrets.token_urlsafe(32)
        return self._spare

    def fits(self, text: str) -> bool:
        """Whether it is the token; the time that this takes tells nothing about it."""
        return secrets.compare_digest(text.encode(), self.token.encode())

    def opens(self, text: str) -> bool:
        """Whether it is the token or the spare key, which is used up by that."""
        if self._spare and secrets.compare_digest(text.encode(), self._spare.encode()):
            self._spare = ""
            return True
        return self.fits(text)


def token_of(out: Path) -> str:
    """The token for a folder of results: 43 letters, of 32 random bytes.

    It lies in the user's cache folder, readable by that user alone. If that cannot be, it is new every time.
    """
    file = cache.folder() / "studio" / f"{cache.digest(os.fsencode(out.resolve()))}.token"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _kept(file) or _made(file)
    except (OSError, RequirementError) as error:
        _log.warning("the token cannot be kept, so open pages will not survive a restart: %s", error)
        return secrets.token_urlsafe(32)


def _kept(file: Path) -> str | None:
    """The token of a file that this user alone can read; other files are removed."""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError:  # a link
        file.unlink()
        return None
    with os.fdopen(descriptor, "rb") as content:
        status, text = os.fstat(content.fileno()), content.read(64).decode("latin-1")
    if _is_private(status) and _TOKEN.fullmatch(text):
        return text
    file.unlink()
    return None


def _is_private(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    return os.name != "posix" or (status.st_uid == os.getuid() and not status.st_mode & _ALL & ~0o600)


def _made(file: Path) -> str:
    token = secrets.token_urlsafe(32)
    with (
        whole_file(file) as unfinished,
        os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as content,
    ):
        content.write(token)
    return token
