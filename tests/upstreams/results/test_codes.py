"""A script's code is used again with the record of its own, of today's format or of the former, and with no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from support.npz_files import HASH, W, code_record, former_code, former_point, point_record
from zplus_plugins.errors import RecordError
from zplus_plugins.records.inversion import is_record_or_absent, record_path
from zplus_plugins.upstreams.results.codes import read_array_code


@pytest.fixture
def code(tmp_path: Path) -> Path:
    np.save(tmp_path / "anna.npy", W)
    return tmp_path / "anna.npy"


def test_a_code_with_its_record(code: Path) -> None:
    code_record().save(record_path(code))
    found = read_array_code(code)
    assert found.name == "anna" and found.record.w is not None and np.array_equal(found.record.w, W)


def test_a_code_with_its_record_of_format_1(code: Path) -> None:
    z = code_record().z
    former_code(record_path(code), z, W)
    assert np.array_equal(read_array_code(code).record.z, z) and is_record_or_absent(record_path(code))


def test_a_record_of_our_own_inverter_is_refused_and_never_replaced(code: Path) -> None:
    point = point_record().point.code.numpy()
    for write in (point_record().save, lambda path: former_point(path, point)):
        write(record_path(code))
        with pytest.raises(RecordError, match=r"anna\.zplus\.npz is of no use to a script.* no checksum of"):
            read_array_code(code)
        assert not is_record_or_absent(record_path(code))
    former_point(record_path(code), point, np.ones((1, 4, 4, 4), np.float32), generator=HASH)
    with pytest.raises(RecordError, match=r"the feature map F of our own inverter, .* Edit it with zplus edit"):
        read_array_code(code)


def test_a_file_without_a_code(code: Path) -> None:
    """As a file that holds an array of another shape, beside the record of several codes."""
    code_record().save(record_path(code))
    np.save(code, np.zeros((0, *W.shape[1:]), W.dtype))
    with pytest.raises(RecordError, match=r"anna\.npy"):
        read_array_code(code)
