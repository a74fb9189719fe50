"""A studio as it is served: the desk with its portraits, the inversions, and what is saved."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from zplus_plugins._version import __version__
from zplus_plugins.errors import RecordError, ZPlusError
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.studio import pictures
from zplus_plugins.studio.describing import described
from zplus_plugins.studio.engine.desk import Desk, Portrait
from zplus_plugins.studio.engine.kept import Recent
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene, SceneError
from zplus_plugins.studio.engine.schedule import Schedule
from zplus_plugins.studio.engine.schedule import Tab as ScheduledTab
from zplus_plugins.studio.hearing import Hearing
from zplus_plugins.studio.inputs import RECORDS, Inputs
from zplus_plugins.studio.inverting.folder import first_free, numbered, working_in
from zplus_plugins.studio.inverting.jobs import MOST_WAITING, Jobs
from zplus_plugins.studio.inverting.masks import Masks
from zplus_plugins.studio.inverting.photographs import plain_name
from zplus_plugins.studio.inverting.saving import Saving, formats
from zplus_plugins.studio.request import Request
from zplus_plugins.studio.serving.contract import Absent, Frame, Note, Picture
from zplus_plugins.system.files import cannot_write, temporary_folder
from zplus_plugins.system.results import MARK, result_in, result_name

UPLOAD_BYTES = 2**26
_OPENED = "opened record"
_MOST_THUMBS = 512
_log = logging.getLogger("zplus_plugins")


class Session:
    """A studio; all its methods may be called from any thread.

    Args:
        request: what it is started with.

    Raises:
        GeneratorFileError, DirectionError, RequirementError, UsageError: the generator or a direction is unusable.
    """

    def __init__(self, request: Request) -> None:
        self._request, self._out = request, request.out
        models = Models(request.generator, request.device, request.label)
        self._desk = Desk(models, request.all_directions, request.out)
        self._masks, self._hearing = Masks(request.out), Hearing()
        self._painter = Painter(self._desk, self._masks.region)
        self._saving = Saving(request.out, self._masks)
        self._schedule = Schedule(self._painter)
        self._jobs = Jobs(self._desk, request.out, request.order, self._job)
        self._thumbs: Recent[Picture] = Recent(_MOST_THUMBS)
        self._told: list[dict[str, Any]] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.close()
        self._schedule.close()
        with suppress(OSError):  # it contains results, or was never made
            self._out.rmdir()

    def open_all(self, inputs: Inputs) -> None:
        """Open what is there from before, and what the command was given; go on with what was interrupted.

        Raises:
            RecordError, RequirementError, UsageError: an input is unusable. What is there from before and cannot be
                used is left out, with a message.
        """
        self._make_folder()
        if next(self._out.glob(RECORDS), None) is not None:
            try:
                self._desk.add_folder(self._out)
            except RecordError as error:
                _log.warning("left out: %s", error)
        for record in inputs.records:
            self._desk.add(record)
        for photograph in inputs.photographs:
            self._jobs.start(photograph.name, photograph.read_bytes())
        for name in self._jobs.interrupted()[: MOST_WAITING - len(inputs.photographs)]:
            _log.info("%s was not finished, and is inverted now.", name)
            self._jobs.again(name)
        self._told = self._portraits()

    @property
    def upload_limit(self) -> int:
        """The largest photograph or record, in bytes."""
        return UPLOAD_BYTES

    def state(self) -> dict[str, Any]:
        """All that a page has to know when it opens."""
        return {
            "version": __version__,
            **described(self._painter, self._request),
            "portraits": self._portraits(),
            "jobs": self._jobs.list(),
            "can": {"align": self._request.align != "off", "video": list(formats())},
            "limits": {"upload": UPLOAD_BYTES},
            "out": str(self._out),
        }

    def thumb(self, portrait: str) -> Picture:
        """A small picture of a portrait. Raises Absent if there is none of this id."""
        found = self._portrait(portrait)
        key = (portrait, next(iter(found.spaces.values())).key)
        picture: Picture = self._computed(lambda: self._thumbs.of(key, lambda: pictures.thumb(found)))
        return picture

    def target(self, portrait: str) -> Picture:
        """The picture that was inverted. Raises Absent if it is not known."""
        found = self._portrait(portrait)
        if found.target is None:
            raise Absent(f"The picture that was inverted is not there for {found.name}.")
        return pictures.target(found.target)

    def add_photograph(self, name: str, content: bytes) -> dict[str, Any]:
        """Begin to invert a photograph; the job."""
        return self._jobs.start(name, content)

    def add_record(self, name: str, content: bytes) -> dict[str, Any]:
        """Keep a record among the results, and open it; its portrait."""
        stem = plain_name(name.removesuffix(".npz").removesuffix(MARK))
        self._require_record(name, content)
        settings = {_OPENED: hashlib.sha256(content).hexdigest()}
        with working_in(self._out) as results:
            n = first_free(results, lambda n: {result_name(numbered(stem, n), ".npz"): settings})
            file = result_name(numbered(stem, n), ".npz")
            if not results.finished([file], settings):
                with results.writing(settings) as folder:
                    (folder / file).write_bytes(content)
        portrait = self._desk.add(self._out / file)
        self._tell_portraits()
        return _plain(portrait)

    def cancel(self, job: str) -> None:
        """End a job. Raises Absent if there is none of this id."""
        if not any(one["id"] == job for one in self._jobs.list()):
            raise Absent("There is no such inversion. Load the page again.")
        self._jobs.cancel(job)

    def keep_mask(self, content: bytes) -> str:
        """Keep a mask, a PNG; its id."""
        return self._masks.keep(content)

    def mask(self, id: str) -> Picture:
        """A mask that was kept. Raises Absent if there is none of this id."""
        try:
            return Picture("image/png", self._masks.path(id).read_bytes())
        except ZPlusError as error:
            raise Absent(str(error)) from None

    def save(self, scene: Any, what: Mapping[str, str]) -> list[Path]:
        """Write results of a scene; the files. A record becomes a portrait, too."""
        asked = Scene.of(scene)
        files: list[Path] = self._computed(lambda: self._saving.save(self._painter, asked, what))
        if what.get("kind") == "record":
            for file in files:
                self._desk.add(file)
            self._tell_portraits()
        return files

    def result(self, name: str) -> Path:
        """The result of this name. Raises Absent unless this package made it in the folder of the results."""
        found = result_in(self._out, name)
        if found is None:
            raise Absent("There is no such result.")
        return found

    def open(self, on_frame: Callable[[Frame], None], on_note: Callable[[Note], None]) -> _Tab:
        """Open a tab; the functions are called on another thread."""
        return _Tab(self._schedule.tab(on_frame, on_note))

    def listen(self, on_note: Callable[[Note], None]) -> Callable[[], None]:
        """Hear of jobs and portraits, on any thread, until the function that is returned is called."""
        return self._hearing.add(on_note)

    def _make_folder(self) -> None:
        try:
            self._out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self._out, error) from None
        with working_in(self._out):  # what is refused there is refused now
            self._out.mkdir(parents=True, exist_ok=True)

    def _computed(self, work: Callable[[], Any]) -> Any:
        """What work on models gives, done in the thread that owns them."""
        return self._schedule.run(work).result()

    def _portrait(self, id: str) -> Portrait:
        try:
            return self._desk.get(id)
        except SceneError as error:
            raise Absent(str(error)) from None

    def _portraits(self) -> list[dict[str, Any]]:
        return [_plain(portrait) for portrait in self._desk.portraits()]

    def _job(self, event: dict[str, Any]) -> None:
        self._tell_portraits()  # before a page hears that its photograph has become one
        self._hearing.tell(event)

    def _tell_portraits(self) -> None:
        found = self._portraits()
        if found != self._told:
            self._told = found
            self._hearing.tell({"type": "portraits", "portraits": found})

    def _require_record(self, name: str, content: bytes) -> None:
        """Raise RecordError or UsageError unless this is a record of the generator; nothing is kept of it."""
        try:
            with temporary_folder(self._out) as place:
                file = place / "record.npz"
                file.write_bytes(content)
                try:
                    record = PointRecord.load(file)
                    self._computed(lambda: record.require(self._desk.models.of(record, file), name))
                except ZPlusError as error:
                    raise type(error)(str(error).replace(str(file), name)) from None
        except OSError as error:
            raise cannot_write(self._out, error) from None


class _Tab:
    """A tab whose scenes are from anyone."""

    def __init__(self, tab: ScheduledTab) -> None:
        self._tab = tab

    def show(self, seq: int, scene: Any) -> None:
        self._tab.show(seq, Scene.of(scene))

    def close(self) -> None:
        self._tab.close()


def _plain(portrait: Portrait) -> dict[str, Any]:
    """A portrait as a page sees it; the spaces of ``derived`` are those whose codes were mapped from another space."""
    return {
        "id": portrait.id,
        "name": portrait.name,
        "spaces": list(portrait.spaces),
        "derived": [name for name, opened in portrait.spaces.items() if opened.derived],
        "target": portrait.target is not None,
        "edited": portrait.edited,
    }
