"""Schemas of records: arrays, and fields with types, which are checked when a record is read.

Records are ``.npz`` files with arrays and one text, ``about``, which is JSON. Its field ``format`` is an integer. It
stays the same as long as records only gain fields or arrays: readers ignore those that they do not know, and fields
that older records lack have defaults. It is increased when an older reader would misread a record; that reader then
reports which format it supports. Records in earlier formats can be read as long as there is a schema for them.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from zplus_plugins.records.arrays import Array, ContentError, npz_bytes, read_npz, shown, text_in
from zplus_plugins.records.members import archive_described

_LONGEST_NUMBER = 30  # digits; converting a million of them takes minutes
_LARGEST = 3e38  # about the largest float32, the dtype of codes
_HASH = re.compile("[0-9a-f]{64}")
Content = tuple[dict[str, Array], dict[str, Any]]
_REQUIRED: Any = object()
_brief = reprlib.Repr()
_brief.maxstring = 80  # enough to show a complete hash


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        expected: what messages call it.
        fits: whether a JSON value is of this kind.
    """

    expected: str
    fits: Callable[[Any], bool]

    def or_none(self) -> Kind:
        """This kind, or null."""
        return Kind(f"{self.expected} or null", lambda value: value is None or self.fits(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Kind("a text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
WHOLE = Kind("a whole number, 0 or more", lambda value: isinstance(value, int) and _is_number(value) and value >= 0)
NUMBER = Kind("a finite number of single precision", lambda value: _is_number(value) and abs(value) <= _LARGEST)
POSITIVE = Kind("a positive, finite number", lambda value: _is_number(value) and value > 0)
MAPPING = Kind("a JSON object", lambda value: isinstance(value, dict))
SHA256 = Kind("64 hexadecimal digits", lambda value: isinstance(value, str) and bool(_HASH.fullmatch(value)))


def one_of(*values: str) -> Kind:
    """One of these texts."""
    return Kind(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


@dataclass(frozen=True)
class Field:
    """A field of ``about``.

    Attributes:
        kind: the kind of its value, or the fields of a nested JSON object.
        default: the value if a record lacks the field; without a default, such a record is refused.
    """

    kind: Kind | Mapping[str, Field]
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Axes:
    """An array of a record, which must contain real numbers and not be empty.

    Attributes:
        expected: its shape, as written in messages.
        counts: the numbers of axes that it may have.
        needed: whether a record without it is refused.
    """

    expected: str
    counts: tuple[int, ...]
    needed: bool = True


@dataclass(frozen=True)
class Schema:
    """A kind of record.

    Attributes:
        format: the format that is read and written.
        arrays, fields: the arrays and fields, by name.
        lacks: additional arrays that other kinds in the same format have.
    """

    format: int
    arrays: Mapping[str, Axes]
    fields: Mapping[str, Field]
    lacks: frozenset[str] = frozenset()

    def distinct(self, names: Collection[str]) -> bool:
        """Whether a record with arrays of these names may be of this kind."""
        return set(self._needed) <= set(names) and self.lacks.isdisjoint(names)

    def read(self, path: Path) -> Content:
        """The arrays and fields of a record.

        Raises:
            ContentError: the file is of another kind or damaged, or an array or field in it is invalid.
            OSError: it cannot be opened or read.
        """
        arrays = read_npz(path, [*self.arrays, "about"], needed=[*self._needed, "about"])
        about = _json_object(text_in(arrays.pop("about"), "about"))
        _check_format(about, [self.format])
        return self._checked(arrays, about)

    def as_bytes(self, arrays: Mapping[str, Array], fields: Mapping[str, Any]) -> bytes:
        """The content of a record's file: the arrays, then the fields, and last ``format``."""
        return npz_bytes({**arrays, "about": np.array(json.dumps({**fields, "format": self.format}))})

    @property
    def _needed(self) -> list[str]:
        return [name for name, axes in self.arrays.items() if axes.needed]

    def _checked(self, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> Content:
        fields = parsed(about, self.fields)
        own = {name: arrays[name] for name in self.arrays if name in arrays}
        for name, array in own.items():
            _check_array(name, array, self.arrays[name])
        return own, fields


def read_any(path: Path, schemas: Sequence[Schema]) -> tuple[Schema, Content]:
    """The schema that a record follows, with its arrays and fields; errors as for :meth:`Schema.read`.

    Args:
        path: path of the record.
        schemas: the schemas to choose from: the first with the record's format and arrays.
    """
    arrays = read_npz(path, {"about"}.union(*(schema.arrays for schema in schemas)), needed=["about"])
    found = archive_described([f"{name}.npy" for name in arrays])
    fitting = [schema for schema in schemas if schema.distinct(arrays)]
    if not fitting:
        raise ContentError(f"it is {found}")
    about = _json_object(text_in(arrays.pop("about"), "about"))
    _check_format(about, sorted({schema.format for schema in schemas}))
    for schema in fitting:
        if schema.format == about["format"]:
            return schema, schema._checked(arrays, about)
    raise ContentError(f"its format is {about['format']}, but its arrays are those of another kind: it is {found}")


def _check_format(about: Mapping[str, Any], known: Sequence[int]) -> None:
    found, listed = about.get("format"), " or ".join(map(str, known))
    if not WHOLE.fits(found):
        raise ContentError(f"its format is {_value(about, 'format')}; expected the whole number {listed}")
    if found not in known:
        raise ContentError(
            f"it has format {found}; this version of zplus-plugins reads format {listed}: use the version that wrote it"
        )


def parsed(content: Mapping[str, Any], fields: Mapping[str, Field], inside: str = "") -> dict[str, Any]:
    """The values of the fields, with defaults for those that are missing; everything else is left out.

    Raises:
        ContentError: a required field is missing, or a value is of the wrong kind.
    """
    values = {}
    for name, field in fields.items():
        where = f"{inside}{name}"
        if name not in content and field.default is not _REQUIRED:
            values[name] = field.default
        elif isinstance(field.kind, Mapping):
            values[name] = parsed(_fitting(content, name, MAPPING, where), field.kind, f"{where}.")
        else:
            values[name] = _fitting(content, name, field.kind, where)
    return values


def required(values: Mapping[str, Any], fields: Mapping[str, Field], names: Collection[str]) -> None:
    """Require fields that are optional in general but not in this record.

    Raises:
        ContentError: one is missing, that is, its value is None.
    """
    for name in names:
        if values.get(name) is None:
            kind = fields[name].kind
            expected = kind.expected if isinstance(kind, Kind) else MAPPING.expected
            raise ContentError(f"its {name} is missing; expected {expected}")


def require_json(values: Mapping[str, Any]) -> None:
    """Require, before anything is written, that values can be read again.

    Raises:
        ContentError: they cannot be written as JSON, contain NaN or inf, or are too long.
    """
    try:
        text = json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ContentError(f"it cannot be written as JSON ({error})") from None
    _json_object(text_in(np.array(text), "about"))


def _fitting(content: Mapping[str, Any], name: str, kind: Kind, where: str) -> Any:
    if name not in content or not kind.fits(content[name]):
        raise ContentError(f"its {where} is {_value(content, name)}; expected {kind.expected}")
    return content[name]


def _value(content: Mapping[str, Any], name: str) -> str:
    return _brief.repr(content[name]) if name in content else "missing"


def _check_array(name: str, array: Array, axes: Axes) -> None:
    real = array.dtype.kind == "f" and array.dtype.itemsize <= 8  # torch has no wider floats
    if not real or array.ndim not in axes.counts or not array.size:
        raise ContentError(f"its {name} is {shown(array)}; expected {axes.expected} of real numbers")


def _json_object(text: str) -> dict[str, Any]:
    """Parse a JSON object; its numbers must be finite and not too long."""
    try:
        content = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_no_number)
    except RecursionError:
        raise ContentError("its about is nested too deeply") from None
    except ContentError:
        raise
    except ValueError as error:
        raise ContentError(f"its about is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ContentError(f"its about is {_brief.repr(content)}; expected a JSON object")
    return content


def _whole(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _no_number(digits)


def _real(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_number(digits)


def _no_number(digits: str) -> NoReturn:
    raise ContentError(f"its about contains {digits[:_LONGEST_NUMBER]}, which is not a valid number in a record")
