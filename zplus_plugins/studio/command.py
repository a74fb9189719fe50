"""What ``zplus studio`` does: open what is to be shown, serve it until a signal comes, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from zplus_plugins.errors import UsageError
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.studio.announcing import Place
from zplus_plugins.studio.inputs import Inputs
from zplus_plugins.studio.inverting.jobs import MOST_WAITING
from zplus_plugins.studio.request import Request
from zplus_plugins.studio.serving.app import application
from zplus_plugins.studio.serving.hosts import Hosts
from zplus_plugins.studio.serving.server import Server, bound
from zplus_plugins.studio.serving.token import Keys, token_of
from zplus_plugins.studio.session import Session


def serve(request: Request, host: str, port: int, announce: Callable[[Place], object]) -> None:
    """Serve the page of a studio until a signal comes.

    Args:
        request: what it shows.
        host, port: where; port 0 for any.
        announce: called when the page can be opened.

    Raises:
        UsageError: the port is taken, or there is no such address.
        RequirementError, RecordError, DirectionError, GeneratorFileError: a file is unusable.
    """
    inputs = Inputs.of(request.paths)
    _require_usable(inputs)
    with closing(bound(host, port)) as listener, Session(request) as session:
        session.open_all(inputs)
        place = Place(host, listener.getsockname()[1], request.out, Keys(token_of(request.out)))
        with Server(application(session, Hosts.of(host), place.keys), listener) as server:
            announce(place)
            server.wait()


def _require_usable(inputs: Inputs) -> None:
    """Refuse, before the generator is loaded, what can be refused without it."""
    if len(inputs.photographs) > MOST_WAITING:
        raise UsageError(
            f"There are {len(inputs.photographs)} images; expected at most {MOST_WAITING}. Invert them with zplus "
            "invert, and open the folder of the records."
        )
    for record in inputs.records:
        PointRecord.load(record)
