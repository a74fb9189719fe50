"""The pose of a head by five points, and scores of faces in photographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import color, data, transform
from torch import Tensor

from zplus_plugins.directions.scores.geometry import MODEL, Points, Pose, pose_of, proportions_of, rotation
from zplus_plugins.directions.scores.landmarks import Landmarks, lab
from zplus_plugins.photos import Face
from zplus_plugins.photos.faces import Pixels


def seen(pose: Pose, scale: float = 1.7, at: tuple[float, float] = (100, 50)) -> Points:
    """The five points of the model in a pose, from far away."""
    points: Points = (MODEL @ rotation(pose).T)[:, :2] * scale + at
    return points


@pytest.mark.parametrize("yaw", [-50, -20, 0, 35])
@pytest.mark.parametrize("roll", [-40, 0, 15])
@pytest.mark.parametrize("pitch", [-20, 0, 10])
def test_the_pose_of_the_model_is_found(yaw: float, pitch: float, roll: float) -> None:
    found = pose_of(seen(Pose(yaw, pitch, roll)))
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((yaw, pitch, roll), abs=1e-6)


def test_angles_have_the_signs_that_are_told() -> None:
    """In pictures, y goes downwards."""
    straight, right, up, clockwise = (seen(Pose(*angles)) for angles in ((0, 0, 0), (20, 0, 0), (0, 20, 0), (0, 0, 20)))
    assert right[2, 0] > straight[2, 0], "the nose goes to the right of the picture"
    assert up[2, 1] < straight[2, 1], "the nose goes up"
    assert clockwise[1, 1] > clockwise[0, 1], "the eye on the right of the picture is lower"


@pytest.mark.parametrize("yaw", [-30, 0, 25])
def test_the_yaw_of_another_face_from_near_is_off_by_a_third(yaw: float) -> None:
    """A nose that is a third longer, a broader face, and a camera half a metre away."""
    other = MODEL * (1.08, 1, 1)
    other[2, 2] *= 4 / 3
    turned = other @ rotation(Pose(yaw, 0, 0)).T
    found = pose_of(turned[:, :2] * (500 / (500 - turned[:, 2:])))
    assert abs(yaw) <= abs(found.yaw) <= abs(yaw) * 4 / 3 + 1e-6 and found.yaw * yaw >= 0
    assert found.roll == pytest.approx(0, abs=4)


def test_points_on_one_spot_have_no_pose() -> None:
    assert np.isnan(pose_of(np.ones((5, 2))).yaw)


def test_proportions() -> None:
    found = proportions_of(np.array([(40, 50), (60, 50), (50, 60), (42, 74), (58, 74)], dtype=float), 100)
    assert (found.mouth_width, found.face_length, found.size) == pytest.approx((0.8, 1.2, 0.24))
    assert (found.x, found.y) == pytest.approx((0.5, 0.62))


@pytest.mark.parametrize("colour", [(200, 120, 90), (0, 0, 0), (255, 255, 255), (3, 2, 1), (20, 90, 30)])
def test_colours_are_those_of_cie(colour: tuple[int, int, int]) -> None:
    expected = color.rgb2lab(np.array(colour) / 255)[:2]
    assert lab(np.array(colour, dtype=float)) == pytest.approx(tuple(expected), abs=0.02)


def tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() * 2 - 1


def face_at(*points: tuple[float, float]) -> Face:
    return Face(np.array(points), (0, 0, 256, 256))


class Finds:
    """A detector that finds the same faces everywhere."""

    name = "finds"

    def __init__(self, *faces: Face) -> None:
        self._faces = faces

    def __call__(self, picture: Pixels) -> list[Face]:
        assert picture.shape == (256, 256, 3)
        return list(self._faces)


def test_colours_are_those_of_cheeks_and_hair() -> None:
    picture = np.zeros((256, 256, 3))
    picture[128:] = np.array((200, 120, 90)) / 255  # below the eyes
    picture[:100] = np.array((60, 40, 20)) / 255  # above the forehead
    face = face_at((100, 120), (156, 120), (128, 150), (105, 180), (151, 180))
    found = dict(zip(Landmarks.names, Landmarks(Finds(face))(tensor(picture))[0].tolist(), strict=True))
    assert (found["skin_lightness"], found["skin_redness"]) == pytest.approx((58.47, 28.25), abs=0.05)
    hair = lab(np.array((60.0, 40, 20)))
    assert (found["hair_lightness"], found["hair_redness"]) == pytest.approx(hair, abs=0.05)
    assert found["face_x"] == pytest.approx(0.5) and found["face_size"] == pytest.approx(60 / 256)


def test_hair_outside_the_image_and_faces_that_are_not_there_have_no_scores() -> None:
    high = face_at((100, 40), (156, 40), (128, 70), (105, 100), (151, 100))
    picture = tensor(np.full((64, 64, 3), 0.5))
    found = dict(zip(Landmarks.names, Landmarks(Finds(high))(picture)[0].tolist(), strict=True))
    assert [name for name, score in found.items() if np.isnan(score)] == ["hair_lightness", "hair_redness"]
    assert torch.isnan(Landmarks(Finds())(picture)).all()


def test_the_largest_face_is_scored() -> None:
    points = ((100.0, 120.0), (156.0, 120.0), (128.0, 150.0), (105.0, 180.0), (151.0, 180.0))
    small = Face(np.array(points) / 4, (0, 0, 64, 64))
    found = Landmarks(Finds(small, face_at(*points)))(tensor(np.zeros((64, 64, 3))))
    assert found[0, Landmarks.names.index("face_size")] == pytest.approx(60 / 256)


def test_a_photograph_turned_in_its_plane_has_that_roll() -> None:
    """MTCNN's points have errors of some pixels."""
    pytest.importorskip("facenet_pytorch")
    portrait, score = data.astronaut()[:300, 80:380], Landmarks()
    angles = (-30, -15, 0, 15, 30)
    turned = [transform.rotate(portrait, -angle, mode="edge") for angle in angles]  # it turns anticlockwise
    found = dict(zip(Landmarks.names, score(torch.cat(list(map(tensor, turned)))).T.tolist(), strict=True))
    assert found["roll"] == pytest.approx(angles, abs=4)
    assert np.abs(found["yaw"]).max() < 8
    assert np.ptp(found["skin_lightness"]) < 4 and np.ptp(found["hair_lightness"]) < 12
    mirrored = score(tensor(portrait[:, ::-1] / 255.0))[0]
    straight = score(tensor(portrait / 255.0))[0]
    assert mirrored[0] == pytest.approx(-straight[0], abs=4) and mirrored[1] == pytest.approx(-straight[1], abs=3)
