"""The metrics: exact values where they are known, and the definitions that they claim."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from facenet_pytorch.models.utils import detect_face
from PIL import Image
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from support.generator_files import trained
from support.random_pictures import pictures
from support.weight_files import FACENET
from zplus_plugins import metrics
from zplus_plugins.errors import DownloadError, ImageError, RequirementError, UsageError
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.metrics import comparing
from zplus_plugins.portraits.networks.regressor import MEASURED, NAMES, UNSEEN, Regressor
from zplus_plugins.spaces.alignment import of_codes
from zplus_plugins.spaces.statistics import compute


@pytest.fixture(scope="module")
def model() -> Model:
    generator = trained()
    return Model(generator, compute(generator, codes=2048))


def test_errors_of_pixels_are_of_pictures_from_minus_one_to_one() -> None:
    black, white = -torch.ones(2, 3, 16, 16), torch.ones(2, 3, 16, 16)
    assert metrics.mse(black, white).tolist() == [4, 4]
    assert metrics.psnr(black, white).tolist() == [0, 0]
    assert metrics.psnr(black, black).tolist() == [math.inf] * 2


def test_pictures_are_taken_as_files_hold_them() -> None:
    a = pictures(0)
    assert torch.equal(metrics.mse(a, metrics.shown(a)), torch.zeros(3))
    assert torch.equal(metrics.mse(3 * torch.ones(1, 3, 16, 16), torch.ones(1, 3, 16, 16)), torch.zeros(1))


def test_ssim_is_that_of_opencv() -> None:
    import cv2

    a, b = pictures(1, 40), (pictures(1, 40) + 0.5 * pictures(2, 40)).clamp(-1, 1)
    similarities = metrics.ssim(a, b)
    for index in range(3):
        x, y = (((p[index] + 1) * 127.5).round().double().permute(1, 2, 0).numpy() for p in (a, b))

        def blurred(image: np.ndarray) -> np.ndarray:
            return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5))

        mx, my = blurred(x), blurred(y)
        vx, vy, vxy = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        expected = ((2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean()
        assert similarities[index].item() == pytest.approx(expected, abs=1e-4)
    assert metrics.ssim(a, a).tolist() == pytest.approx([1, 1, 1])


def test_pictures_of_different_sizes_are_refused() -> None:
    for metric in (metrics.mse, metrics.ssim, metrics.psnr, metrics.Lpips(), metrics.Lpips().distance):
        with pytest.raises(ImageError, match=r"\(3, 3, 16, 16\) and \(3, 3, 8, 8\)"):
            metric(pictures(0), pictures(0, 8))
        with pytest.raises(ImageError, match=r"\(3, 3, 16, 16\) and \(1, 3, 16, 16\)"):
            metric(pictures(0), pictures(0)[:1])


def test_the_gradient_of_directions_is_autograds() -> None:
    stream = torch.Generator().manual_seed(0)
    features = torch.rand(2, 300, 24, 24, generator=stream, dtype=torch.float64).requires_grad_()  # several portions
    wanted = F.normalize(torch.rand(2, 300, 24, 24, generator=stream, dtype=torch.float64), dim=1)
    weights = torch.rand(300, generator=stream, dtype=torch.float64)
    gaps = (F.normalize(features, dim=1) - wanted).square() * weights[:, None, None]
    expected = gaps.sum(dim=1).mean(dim=(1, 2))
    found = comparing.gap(features, wanted, weights)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=0)
    outer = torch.tensor([1.0, 3.0], dtype=torch.float64)
    gradients = [torch.autograd.grad(value, features, outer)[0] for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-12)


def test_features_without_a_direction_have_no_gradient() -> None:
    features = torch.zeros(1, 4, 2, 2, requires_grad=True)
    wanted = F.normalize(torch.ones(1, 4, 2, 2), dim=1)
    gap = comparing.gap(features, wanted, torch.ones(4))
    assert gap.tolist() == pytest.approx([1])
    assert torch.autograd.grad(gap.sum(), features)[0].tolist() == torch.zeros(1, 4, 2, 2).tolist()


def test_the_embedded_identity_is_the_regressors(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    regressor = Regressor().eval()
    monkeypatch.setattr("zplus_plugins.portraits.networks.embedded.embedded_regressor", lambda: regressor)
    identity = metrics.embedded_identity()
    a, b = pictures(0, 64), pictures(1, 64)
    assert torch.allclose(identity(a).norm(dim=1), torch.ones(3))
    assert identity.similarity(a, a).tolist() == pytest.approx([1, 1, 1])
    expected = F.cosine_similarity(regressor.identity(metrics.shown(a)), regressor.identity(metrics.shown(b)))
    assert identity.similarity(a, b).tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    with pytest.raises(ImageError, match="the embedded identity is of portraits"):
        identity(pictures(0))


def test_facenet_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(RequirementError, match=r"pip install 'zplus-plugins\[faces\]'"):
        metrics.facenet_identity()


def test_facenet_off_line_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    missing = r"checkpoints/20180402-114759-vggface2\.pt is missing and cannot be downloaded.*https://github"
    with pytest.raises(DownloadError, match=missing):
        metrics.facenet_identity()
    (tmp_path / "checkpoints" / FACENET).write_bytes(b"half a file")
    with pytest.raises(DownloadError, match=r"vggface2\.pt is damaged \("):
        metrics.facenet_identity()


def faces() -> Tensor:
    """The same face ever noisier, and the same picture without a face."""
    photograph = Image.fromarray(data.astronaut()).crop((112, 0, 336, 224)).resize((128, 128))
    face = torch.from_numpy(np.array(photograph)).permute(2, 0, 1) / 127.5 - 1
    noise = torch.randn(face.shape, generator=torch.Generator().manual_seed(0))
    return torch.stack([*(face + strength * noise for strength in (0, 0.05, 0.1, 0.2, 0.4)), 0 * face])


@pytest.fixture(scope="module")
def identity(made_torch_home: Path) -> metrics.Identity:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TORCH_HOME", str(made_torch_home))
        return metrics.facenet_identity()


class TestFacenet:
    """MTCNN as it was trained, and InceptionResnetV1 with random weights."""

    @pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")  # before torch 2.6
    def test_it_is_that_of_its_package(self, identity: metrics.Identity, torch_home: Path) -> None:
        find, tell = MTCNN(image_size=160), InceptionResnetV1(pretrained="vggface2").eval()
        for picture in faces()[:2]:
            levels = ((picture.clamp(-1, 1) + 1) * 127.5).round().byte()
            with torch.no_grad():
                expected = tell(find(Image.fromarray(levels.permute(1, 2, 0).numpy()))[None])
            found = identity(picture[None])
            assert found.shape == (1, 512)
            assert torch.equal(found, F.normalize(expected, dim=1))

    def test_the_same_face_is_most_similar(self, identity: metrics.Identity) -> None:
        pictures = faces()[:5]
        vectors = identity(pictures)
        assert vectors.norm(dim=1).tolist() == pytest.approx([1] * 5)
        similarity = identity.similarity(pictures, pictures[:1].expand(5, -1, -1, -1))
        assert similarity[0].item() == pytest.approx(1)
        assert (similarity.diff() < 0).all()
        assert torch.equal(similarity, (vectors * vectors[:1]).sum(dim=1))

    def test_it_needs_no_opencv(self, identity: metrics.Identity, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which facenet-pytorch imports if it is there, and does not ask for."""
        monkeypatch.delattr(detect_face, "cv2")
        assert not identity(faces()[:1]).isnan().any()

    def test_no_face_is_no_identity(self, identity: metrics.Identity) -> None:
        found = identity(faces()[[0, 5]])
        assert found.isnan().all(dim=1).tolist() == found.isnan().any(dim=1).tolist() == [False, True]
        assert identity.similarity(faces()[[0, 5]], faces()[[5, 0]]).isnan().all()

    @pytest.mark.parametrize("size", [8, 19, 20, 21])
    def test_a_small_picture_has_none_either(self, identity: metrics.Identity, size: int) -> None:
        assert identity(pictures(0, size)).isnan().all()

    def test_no_pictures_have_no_identities(self, identity: metrics.Identity) -> None:
        assert identity(torch.empty(0, 3, 128, 128)).shape == (0, 512)


def test_attributes_change_in_shares_of_their_ranges() -> None:
    before = torch.zeros(2, len(MEASURED))
    after = before.clone()
    after[:, 0] = torch.tensor([1.0, -1.0])  # yaw, from -1 to 1
    after[:, 3] = 0.5  # smile, from 0 to 1
    assert metrics.attribute_change(before, after, 0).tolist() == [0.5, -0.5]
    others = len(MEASURED) - len(UNSEEN) - 1
    assert metrics.attribute_leakage(before, after, 0).tolist() == pytest.approx([0.5 / others] * 2)
    assert metrics.attribute_leakage(before, after, 3).tolist() == pytest.approx([0.5 / others] * 2)
    with pytest.raises(UsageError, match=f"expected \\(B, {len(MEASURED)}\\) twice"):
        metrics.attribute_change(before[:, 1:], after[:, 1:], 0)


def test_what_the_regressor_cannot_see_does_not_leak() -> None:
    before = torch.zeros(1, len(MEASURED))
    after = before.clone()
    after[:, [NAMES.index(name) for name in UNSEEN]] = 1
    assert metrics.attribute_leakage(before, after, 0).item() == 0
    assert metrics.attribute_leakage(before, after, 0, torch.ones(len(MEASURED))).item() > 0  # another regressor's


def random_point(model: Model, space: str, n: int) -> Point:
    stream = torch.Generator().manual_seed(5)
    z = torch.randn(n, 1, model.generator.architecture.z_dim, generator=stream)
    start = model.start(SPACES[space], n)
    w = model.generator.mapping(z).expand(-1, start.code.shape[1], -1)
    return Point(SPACES[space], w, start.f)


@pytest.mark.parametrize("space", ["wplus", "f/wplus"])
def test_random_codes_have_the_synthetic_nscd(model: Model, space: str) -> None:
    distances = metrics.nscd(model, random_point(model, space, 512))
    assert distances.shape == (512,)
    synthetic = metrics.synthetic_nscd(model, with_f=SPACES[space].with_f)
    assert distances.mean().item() == pytest.approx(synthetic, rel=0.1)


def test_nscd_is_the_mean_cosine_distance_from_random_codes(model: Model) -> None:
    point, others = (
        random_point(model, "wplus", 4),
        model.generator.mapping(
            torch.randn(2048, model.generator.architecture.z_dim, generator=torch.Generator().manual_seed(0))
        ),
    )
    wide = others[:, None].expand(-1, model.generator.num_layers, -1)
    pairs = zip(
        of_codes(model.generator, model.styles(point)),
        of_codes(model.generator, model.generator.styles(wide)),
        strict=True,
    )
    gaps = [1 - (F.normalize(s, dim=1) @ F.normalize(o[:1024], dim=1).T).mean(dim=1) for s, o in pairs]
    assert torch.allclose(metrics.nscd(model, point), torch.stack(gaps).mean(dim=0), atol=1e-5)
    assert len(gaps) == model.generator.num_layers


def test_far_codes_have_a_larger_nscd(model: Model) -> None:
    near = random_point(model, "wplus", 16)
    far = Point(near.space, near.code + 10 * model.statistics.w_spread * torch.randn(near.code.shape))
    assert (metrics.nscd(model, far) > metrics.nscd(model, near)).float().mean() > 0.8
