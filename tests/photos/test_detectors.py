"""Faces and their detectors: our own, and those of other distributions."""

from __future__ import annotations

import importlib.metadata
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from zplus_plugins.errors import ImageError, PluginError, RequirementError, UsageError
from zplus_plugins.photos import Face, detector_named, detector_names, detectors
from zplus_plugins.photos.faces import largest_first

POINTS = np.array([(10, 10), (30, 12), (20, 20), (12, 30), (28, 32)], dtype=float)
NOTHING = np.zeros((40, 60, 3), dtype=np.uint8)


def face(**changed: Any) -> Face:
    return Face(**{"points": POINTS, "box": (0, 2, 40, 42), "confidence": 0.5, **changed})


def test_a_mirrored_face_has_its_own_left() -> None:
    mirrored = face().mirrored(60)
    assert mirrored.points.tolist() == [[30, 12], [50, 10], [40, 20], [32, 32], [48, 30]]
    assert mirrored.box == (20, 2, 60, 42)
    assert np.array_equal(mirrored.mirrored(60).points, POINTS)


def test_a_face_of_a_part_is_put_into_the_whole() -> None:
    whole = face().scaled(2, left=100, upper=-5)
    assert whole.points[0].tolist() == [120, 15]
    assert whole.box == (100, -1, 180, 79)
    assert (whole.area, whole.confidence) == (6400, 0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"points": POINTS[:4]}, "expected 5 finite"),
        ({"points": POINTS * np.nan}, "expected 5 finite"),
        ({"box": (0, 0, 0, 5)}, "left, upper, right and lower"),
        ({"box": (0, 0, np.inf, 5)}, "left, upper, right and lower"),
        ({"confidence": float("nan")}, "from 0 to 1"),
    ],
)
def test_what_is_no_face_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        face(**changed)


def test_the_largest_face_comes_first() -> None:
    small, large, left = face(box=(5, 5, 9, 9)), face(box=(0, 0, 9, 9)), face(box=(1, 5, 5, 9))
    assert largest_first([small, large, left]) == [large, left, small]


def offer(monkeypatch: pytest.MonkeyPatch, *factories: Any) -> None:
    """Pretend that distributions offer detectors named ``other``."""
    dist = SimpleNamespace(name="elsewhere", version="1.2")
    points = [SimpleNamespace(name="other", dist=dist, load=lambda made=made: made) for made in factories]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == detectors.GROUP else [])


class TestOthers:
    def test_one_is_found_by_its_entry_point(self, monkeypatch: pytest.MonkeyPatch) -> None:
        there = []
        offer(monkeypatch, lambda device: there.append(device) or (lambda picture: iter([face()])))
        assert detector_names() == ["mtcnn", "other"]
        found = detector_named("other")
        assert (found.name, there) == ("other", [torch.device("cpu")])
        assert [one.box for one in found(NOTHING)] == [face().box]

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match=r"no face detector 'mtcn'; installed: mtcnn.*Did you mean 'mtcnn'\?"):
            detector_named("mtcn")

    def test_a_name_that_two_offer_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        offer(monkeypatch, print, print)
        with pytest.raises(PluginError, match=r"elsewhere 1\.2 and elsewhere 1\.2 both offer"):
            detector_named("other")

    @pytest.mark.parametrize(
        ("made", "message"),
        [
            (lambda picture: 1 / 0, "ZeroDivisionError: division by zero"),
            (lambda picture: ["face"], "It gave a str; expected zplus_plugins.photos.Face"),
            (lambda picture: [face(points=POINTS[:2])], "expected 5 finite"),
        ],
    )
    def test_its_faults_are_named_as_its_own(self, monkeypatch: pytest.MonkeyPatch, made: Any, message: str) -> None:
        offer(monkeypatch, lambda device: made)
        with pytest.raises(PluginError, match=rf"'other' \(elsewhere 1.2\) failed: .*{message}"):
            detector_named("other")(NOTHING)

    @pytest.mark.parametrize(("factory", "message"), [(lambda: None, "TypeError"), (lambda device: 3, "It is a int")])
    def test_one_that_cannot_be_made_is_named(
        self, monkeypatch: pytest.MonkeyPatch, factory: Any, message: str
    ) -> None:
        offer(monkeypatch, factory)
        with pytest.raises(PluginError, match=rf"elsewhere 1.2\) failed: {message}"):
            detector_named("other")


class TestMtcnn:
    def test_the_astronaut_has_one_face_where_it_is(self) -> None:
        (found,) = detector_named()(data.astronaut())
        # Marked by hand at the pupils, the tip of the nose and the corners of the mouth.
        by_hand = [(203.5, 101.5), (246.5, 103.5), (223.5, 127.5), (203, 140), (244.5, 141)]
        assert np.abs(found.points - by_hand).max() < 4
        assert found.confidence > 0.99

    def test_no_face_is_no_error(self) -> None:
        assert list(detector_named()(NOTHING)) == []
        assert list(detector_named()(NOTHING[:10])) == []
        assert list(detector_named()(np.ascontiguousarray(data.astronaut()[::-1]))) == []

    def test_one_that_is_not_installed_is_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
        with pytest.raises(RequirementError, match=r"pip install 'zplus-plugins\[faces\]'"):
            detector_named()
