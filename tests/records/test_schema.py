"""What records say of themselves: every field checked when it is read, additions ignored, and every refusal clear."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.npz_files import code_record, direction, point_record, restated, retold, saved, zipped
from zplus_plugins import InversionRecord
from zplus_plugins.directions import Direction
from zplus_plugins.errors import DirectionError, RecordError, ZPlusError
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.records.arrays import LONGEST_TEXT

ADVICE = ("allow_pickle", "weights_only", "trust")


@dataclass(frozen=True)
class Kind:
    """A kind of record: a sound one, how it is read, and the errors of its reader."""

    make: Callable[[], Any]
    load: Callable[[Path | str], Any]
    error: type[ZPlusError]
    again: str


KINDS = {
    "code": Kind(code_record, InversionRecord.load, RecordError, "Invert the image again"),
    "point": Kind(point_record, PointRecord.load, RecordError, "invert the image again"),
    "direction": Kind(direction, Direction.load, DirectionError, "find it again"),
}
FORMATS = {"code": "1 or 2", "point": "1 or 2", "direction": "1"}
NAN, INF = float("nan"), float("inf")


def spoilt(kind: str, path: Path, spoil: Callable[[Path], object], reason: str) -> str:
    """The message with which a spoilt record is refused; it names the file, and gives no dangerous advice."""
    KINDS[kind].make().save(path)
    spoil(path)
    with pytest.raises(KINDS[kind].error, match=reason) as refusal:
        KINDS[kind].load(path)
    message = str(refusal.value)
    assert str(path) in message and not [word for word in ADVICE if word in message]
    return message


VALUES = [
    ("code", "radius", [None, "x", True, [1], 0, -1.5, {}], "a positive, finite number"),
    ("code", "truncation", [None, [], "0.7", 1], "a JSON object"),
    ("code", "truncation.psi", [None, "0.7", False, [0.7]], "a finite number"),
    ("code", "truncation.cutoff", ["8", 8.0, True, -1], "a whole number, 0 or more or null"),
    ("code", "w_sha256", [5, None, "", "0" * 63, "g" * 64, "0" * 65], "64 hexadecimal digits"),
    ("code", "provenance", [None, 3, []], "a JSON object"),
    ("code", "space", [None, "v", 1, []], "one of z, zplus, "),
    ("code", "space", ["wplus", "f/zplus"], "one of z, zplus beside a code"),
    ("code", "provenance.without_f", [0, "no", None], "true or false"),
    ("code", "provenance.seed", [None, 1.5, True, "1", -1], "a whole number, 0 or more"),
    ("code", "provenance.steps", [None, 1.5, True, "1", -1], "a whole number, 0 or more"),
    ("code", "provenance.init", [None, 1, True], "a text"),
    ("code", "provenance.upstream_commit", [1, True, []], "a text or null"),
    ("point", "space", [None, "v", 1, [], {}], "one of z, zplus, "),
    ("point", "generator", [None, 5, "abc"], "64 hexadecimal digits"),
    ("point", "f_resolution", [None, "4", 4.0, True, -4], "a whole number, 0 or more"),
    ("point", "noise", [None, "loud", 1], "one of const, "),
    ("point", "about", [None, [], "nothing", 1], "a JSON object"),
    ("direction", "name", [None, 1, []], "a text"),
    ("direction", "method", [None, "guess", 1], "one of ganspace, "),
    ("direction", "generator", [None, 5, "abc"], "64 hexadecimal digits"),
    ("direction", "attribute", [5, True, ["smile"]], "a text or null"),
    ("direction", "about", [None, [], 1], "a JSON object"),
    *((kind, "format", [None, "1", 1.0, True, -1, []], f"the whole number {FORMATS[kind]}") for kind in KINDS),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "expected"),
    [(kind, field, value, expected) for kind, field, values, expected in VALUES for value in values],
)
def test_a_value_of_another_kind(kind: str, field: str, value: object, expected: str, tmp_path: Path) -> None:
    message = spoilt(kind, tmp_path / "r.npz", lambda path: restated(path, {field: value}), f"its {field} is ")
    assert f"its {field} is {value!r}; expected {expected}" in message and KINDS[kind].again in message


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(
            ("code", name)
            for name in ("format", "space", "radius", "truncation", "provenance", "w_sha256", "truncation.psi")
        ),
        *(("code", f"provenance.{name}") for name in ("without_f", "init", "retract", "seed", "steps")),
        *(("point", name) for name in ("format", "space", "generator", "f_resolution", "noise")),
        *(("direction", name) for name in ("format", "name", "method", "generator")),
    ],
)
def test_a_field_that_is_missing(kind: str, field: str, tmp_path: Path) -> None:
    message = spoilt(kind, tmp_path / "r.npz", lambda path: restated(path, {}, (field,)), f"its {field} is missing")
    assert "expected" in message and KINDS[kind].again in message


@pytest.mark.parametrize(
    ("kind", "field", "default"),
    [
        ("code", "truncation.cutoff", lambda record: record.truncation.cutoff is None),
        ("code", "provenance.with_f", lambda record: record.provenance.with_f is None),
        ("code", "provenance.upstream_commit", lambda record: record.provenance.upstream_commit is None),
        ("point", "about", lambda record: record.about == {}),
        ("direction", "attribute", lambda record: record.attribute is None),
        ("direction", "about", lambda record: record.about == {}),
    ],
)
def test_a_field_that_may_be_missing(kind: str, field: str, default: Callable[[Any], bool], tmp_path: Path) -> None:
    KINDS[kind].make().save(tmp_path / "r.npz")
    restated(tmp_path / "r.npz", {}, (field,))
    assert default(KINDS[kind].load(tmp_path / "r.npz"))


@pytest.mark.parametrize("kind", KINDS)
def test_additions_are_ignored(kind: str, tmp_path: Path) -> None:
    """As a later version of the same format makes them: fields, fields of fields, and arrays of any kind."""
    path = tmp_path / "r.npz"
    KINDS[kind].make().save(path)
    said = {"later": {"deep": [1, None]}, "minor": 7} | ({"provenance.later": 1} if kind == "code" else {})
    restated(path, said, more=np.array([1, 2]))
    with np.load(path) as file:
        arrays = [(f"{name}.npy", saved(array)) for name, array in file.items()]
    zipped(path, [*arrays, ("objects.npy", saved(np.array([None])))])
    KINDS[kind].load(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_format_is_refused(kind: str, tmp_path: Path) -> None:
    """Before anything else in it is looked at, for it may be otherwise."""
    expected = (
        f"has format 3; this version of zplus-plugins reads format {FORMATS[kind]}: use the version that wrote it"
    )
    spoilt(kind, tmp_path / "r.npz", lambda path: retold(path, '{"format": 3}'), expected)


TEXTS = {
    "NaN": ('{"format": 1, "radius": NaN}', "NaN, which is not a valid number"),
    "inf": ('{"format": 1, "about": {"deep": [-Infinity]}}', "-Infinity, which is not a valid number"),
    "inf by its exponent": ('{"format": 1, "radius": 1e999}', "1e999, which is not a valid number"),
    "a number of many digits": ('{"format": 1, "radius": ' + "9" * 900_000 + "}", "9{30}, which is not a valid number"),
    "nested deeply": ('{"format":' + "[" * 200_000, "nested too deeply"),
    "long": (json.dumps({"format": 1, "x": "y" * LONGEST_TEXT}), "characters; expected at most 1,048,576"),
    "no JSON": ("{format: 1}", "its about is not JSON"),
    "empty": ("", "its about is not JSON"),
    "a list": ("[1]", r"its about is \[1\]; expected a JSON object"),
    "a text": ('"format"', "expected a JSON object"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_is_no_description(kind: str, what: str, tmp_path: Path) -> None:
    text, reason = TEXTS[what]
    assert len(spoilt(kind, tmp_path / "r.npz", lambda path: retold(path, text), reason)) < 1000


CODES = np.ones((1, 3, 8), np.float32)


@pytest.mark.parametrize(
    ("kind", "name", "array", "reason"),
    [
        ("code", "code", np.array("x"), r"its code is an array of str32, shape \(\)"),
        ("code", "code", CODES.astype(np.int64), "its code is an array of int64"),
        ("code", "code", CODES.astype(np.complex64), "its code is an array of complex64"),
        ("code", "code", CODES[0], r"shape \(3, 8\); expected \(B, L or 1, D\) of real numbers"),
        ("code", "code", CODES[:0], r"shape \(0, 3, 8\)"),
        ("code", "code", CODES * NAN, "its z contains NaN or inf"),
        ("code", "code", CODES * INF, "its z contains NaN or inf"),
        ("code", "w", CODES, "its w .*w_sha256"),
        ("code", "w", CODES[0], r"its w is an array of float32, shape \(3, 8\)"),
        ("point", "code", CODES * NAN, "The code contains NaN or inf"),
        ("point", "code", CODES * 2, "not on the hypersphere"),
        ("point", "code", CODES[0], r"shape \(3, 8\); expected \(B, L or 1, D\)"),
        ("point", "code", CODES > 0, "its code is an array of bool"),
        ("point", "code", np.concatenate([CODES] * 2), "codes of 2 images"),
        ("point", "f", CODES, r"its f is an array of float32, shape \(1, 3, 8\)"),
        ("direction", "w", CODES, r"expected \(dim,\) or \(layers, dim\) of real numbers"),
        ("direction", "w", np.array(1.0), r"its w is an array of float64, shape \(\)"),
        ("direction", "z", CODES[0, 0] * INF, "in Z is zero, or contains NaN or inf"),
        ("direction", "z", np.array([None]), "Python objects"),
        ("direction", "about", np.array([1]), "its about is an array of int64"),
    ],
)
def test_an_array_that_does_not_do(kind: str, name: str, array: np.ndarray, reason: str, tmp_path: Path) -> None:
    def spoil(path: Path) -> None:
        with np.load(path) as file:
            np.savez(path, **{**file, name: array})

    spoilt(kind, tmp_path / "r.npz", spoil, reason)


@pytest.mark.parametrize(
    ("kind", "other", "reason"),
    [
        ("point", "direction", "it is a direction"),
        ("code", "point", "it is the record of an image"),
        ("direction", "code", "it is the Z+ record of a script's code"),
        ("direction", "point", "it is the record of an image"),
    ],
)
def test_one_kind_of_record_for_another(kind: str, other: str, reason: str, tmp_path: Path) -> None:
    KINDS[other].make().save(tmp_path / "r.npz")
    with pytest.raises(KINDS[kind].error) as refusal:
        KINDS[kind].load(tmp_path / "r.npz")
    assert reason in str(refusal.value)


@pytest.mark.parametrize("kind", KINDS)
def test_paths_may_be_texts(kind: str, tmp_path: Path) -> None:
    record, place = KINDS[kind].make(), KINDS[kind]
    record.save(str(tmp_path / "r.npz"))
    assert type(place.load(str(tmp_path / "r.npz"))) is type(record)
    for use in (record.save, place.load):
        with pytest.raises(TypeError):  # the caller's mistake, for which no inversion is to blame
            use(5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_may_not_be_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KINDS[kind].make().save(tmp_path / "r.npz")

    def closed(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(KINDS[kind].error, match=r"r\.npz cannot be read: Permission denied\.$"):
        KINDS[kind].load(tmp_path / "r.npz")


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    record = code_record()
    for z in (record.z * np.float32(NAN), record.z[0], record.z[:0]):
        with pytest.raises(RecordError, match=r"r\.npz is unusable: its z "):
            replace(record, z=z).save(tmp_path / "r.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "about", [{"loss": NAN}, {"mse": INF}, {"w": torch.ones(2)}, {1: {2}}, {"x": 10**31}, {"x": "y" * LONGEST_TEXT}]
)
def test_how_something_was_found_must_be_plain(about: dict[Any, Any]) -> None:
    """Before it is written: else it could not be read again."""
    point, way = point_record(), direction()
    with pytest.raises(RecordError, match="How the codes were found cannot be recorded: it"):
        PointRecord(point.point, point.generator, 4, "const", about)._check()
    with pytest.raises(DirectionError, match="How the direction smile was found cannot be stored: it"):
        replace(way, about=about)
