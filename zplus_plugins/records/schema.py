"""What a record may say of itself: fields with types, checked when it is read.

Records are ``.npz`` files of arrays and one text, ``about``, which is JSON. ``format`` in it is a whole number, which
stays the same as long as records only gain fields or arrays: a reader takes those that it knows and ignores others, and
a field that older records lack has a default. It is raised where an older reader would misunderstand; that reader says
then which format it knows. Records of former formats are read as long as there is a schema of theirs.
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
_LARGEST = 3e38  # what fits into a float of 32 bits, in which codes are
_HASH = re.compile("[0-9a-f]{64}")
Content = tuple[dict[str, Array], dict[str, Any]]
_REQUIRED: Any = object()
_brief = reprlib.Repr()
_brief.maxstring = 80  # a hash is shown whole


@dataclass(frozen=True)
class Kind:
    """What a value may be.

    Attributes:
        expected: as a message names it.
        fits: whether a value of JSON is one.
    """

    expected: str
    fits: Callable[[Any], bool]

    def or_none(self) -> Kind:
        """The same, or null."""
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
        kind: of its value, or the fields of the JSON object that it is.
        default: where a record lacks it; without one, such a record is refused.
    """

    kind: Kind | Mapping[str, Field]
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Axes:
    """An array of a record: of real numbers, and not empty.

    Attributes:
        expected: its shape, as a message names it.
        counts: how many axes it may have.
        needed: whether a record without it is refused.
    """

    expected: str
    counts: tuple[int, ...]
    needed: bool = True


@dataclass(frozen=True)
class Schema:
    """A kind of record.

    Attributes:
        format: that is read and written.
        arrays, fields: by name.
        lacks: arrays that other kinds of the same format have beside those.
    """

    format: int
    arrays: Mapping[str, Axes]
    fields: Mapping[str, Field]
    lacks: frozenset[str] = frozenset()

    def distinct(self, names: Collection[str]) -> bool:
        """Whether a record with arrays of these names may be of this kind."""
        return set(self._needed) <= set(names) and self.lacks.isdisjoint(names)

    def read(self, path: Path) -> Content:
        """The arrays and the fields of a record.

        Raises:
            ContentError: the file is of another kind or damaged, or something in it is not what it should be.
            OSError: it cannot be opened or read.
        """
        arrays = read_npz(path, [*self.arrays, "about"], needed=[*self._needed, "about"])
        about = _json_object(text_in(arrays.pop("about"), "about"))
        _check_format(about, [self.format])
        return self._checked(arrays, about)

    def as_bytes(self, arrays: Mapping[str, Array], fields: Mapping[str, Any]) -> bytes:
        """The file of a record: its fields, then ``format``, and the arrays before them."""
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
    """Which of the schemas a record is of, and its arrays and fields; errors as for :meth:`Schema.read`.

    Args:
        path: of the record.
        schemas: of one kind's formats; of those that have a record's format, the first whose arrays it has counts.
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
    raise ContentError(f"its format is {about['format']}, and its arrays are of another one: it is {found}")


def _check_format(about: Mapping[str, Any], known: Sequence[int]) -> None:
    found, listed = about.get("format"), " or ".join(map(str, known))
    if not WHOLE.fits(found):
        raise ContentError(f"its format is {_value(about, 'format')}; expected the whole number {listed}")
    if found not in known:
        raise ContentError(
            f"it has format {found}; this version of zplus-plugins reads format {listed}: use the version that wrote it"
        )


def parsed(content: Mapping[str, Any], fields: Mapping[str, Field], inside: str = "") -> dict[str, Any]:
    """The values of fields, the defaults of those that are absent; what is in no field is left out.

    Raises:
        ContentError: a field that is needed is absent, or a value is of another kind.
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
    """See to it that fields which some records may lack, and this one may not, are there.

    Raises:
        ContentError: one is absent, which is None among the values.
    """
    for name in names:
        if values.get(name) is None:
            kind = fields[name].kind
            expected = kind.expected if isinstance(kind, Kind) else MAPPING.expected
            raise ContentError(f"its {name} is missing; expected {expected}")


def require_json(values: Mapping[str, Any]) -> None:
    """See to it, before anything is written, that values will be read again.

    Raises:
        ContentError: they are no JSON, contain NaN or inf, or are too long.
    """
    try:
        text = json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ContentError(f"it cannot be JSON ({error})") from None
    _json_object(text_in(np.array(text), "about"))


def _fitting(content: Mapping[str, Any], name: str, kind: Kind, where: str) -> Any:
    if name not in content or not kind.fits(content[name]):
        raise ContentError(f"its {where} is {_value(content, name)}; expected {kind.expected}")
    return content[name]


def _value(content: Mapping[str, Any], name: str) -> str:
    return _brief.repr(content[name]) if name in content else "missing"


def _check_array(name: str, array: Array, axes: Axes) -> None:
    real = array.dtype.kind == "f" and array.dtype.itemsize <= 8  # torch has no wider ones
    if not real or array.ndim not in axes.counts or not array.size:
        raise ContentError(f"its {name} is {shown(array)}; expected {axes.expected} of real numbers")


def _json_object(text: str) -> dict[str, Any]:
    """A JSON object; its numbers are finite and of a sensible length."""
    try:
        content = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_no_number)
    except RecursionError:
        raise ContentError("its about is nested too deeply") from None
    except ContentError:
        raise
    except ValueError as error:
        raise ContentError(f"its about is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ContentError(f"its about is {_brief.repr(content)}; expected a JSON object")
    return content


def _whole(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _no_number(digits)


def _real(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_number(digits)


def _no_number(digits: str) -> NoReturn:
    raise ContentError(f"its about holds {digits[:_LONGEST_NUMBER]}, which is no number that a record has")
