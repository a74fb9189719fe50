"""Inversion into every space: what a point is, how it starts, moves and is found."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from support.few_spaces import FEW_SPACES
from zplus_plugins.errors import GeneratorError, LatentError, UsageError
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.hypersphere.chase import Chase
from zplus_plugins.hypersphere.geometry import retract
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.mean import mean_style
from zplus_plugins.inversion import SPACES, Model, Point, Settings, Space, invert, space_named, statistics_of
from zplus_plugins.spaces import nearest, statistics
from zplus_plugins.spaces.alignment import alignment
from zplus_plugins.system import cache

DIM = 12
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    network = Generator(Architecture(32, (8, 8, 8, 6), z_dim=DIM, w_dim=DIM, mapping_layers=3))
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.1)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def model(generator: Generator) -> Model:
    return Model(generator, statistics.compute(generator, codes=2048), f_resolution=8)


@pytest.fixture(scope="module")
def targets(generator: Generator) -> Tensor:
    pictures: Tensor = generator(torch.randn(2, DIM, generator=torch.Generator().manual_seed(1)))
    return pictures


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    yield tmp_path


@pytest.mark.parametrize(("resolution", "f"), [(64, 4), (256, 4), (512, 8), (1024, 16)])
def test_f_is_a_sixty_fourth_of_the_pictures(resolution: int, f: int) -> None:
    blocks = resolution.bit_length() - 2
    network = Generator(Architecture(resolution, (1,) * blocks, z_dim=2, w_dim=2, mapping_layers=1))
    assert Model(network, statistics.compute(network, codes=8)).f_resolution == f


def test_f_of_no_resolution_is_refused_and_not_the_default(generator: Generator, model: Model) -> None:
    with pytest.raises(GeneratorError, match="resolution"):
        Model(generator, model.statistics, f_resolution=0)


@pytest.mark.parametrize("method", ["w", "styles", "pictures", "moved"])
def test_points_of_another_generator_are_refused(model: Model, method: str) -> None:
    def use(point: Point) -> object:
        directions = (torch.ones(DIM), torch.ones(DIM), 0.0) if method == "moved" else ()
        return getattr(model, method)(point, *directions)

    point = model.start(SPACES["f/zplus"], 2)
    for wrong, said in (
        (replace(point, code=point.code[:, 1:]), r"code in F/Z\+ has shape \(2, 4, 12\); expected \(2, 5, 12\)"),
        (replace(point, code=point.code[0]), r"has shape \(5, 12\)"),
        (replace(point, f=None), r"F of the point in F/Z\+ has shape None; expected \(2, 8, 8, 8\)"),
        (replace(point, f=point.f[:1]), r"F of the point in F/Z\+ has shape \(1, 8, 8, 8\)"),
        (replace(point, f=point.f[..., :4, :4]), r"has shape \(2, 8, 4, 4\)"),
        (replace(model.start(SPACES["zplus"], 2), f=point.f), r"shape \(2, 8, 8, 8\); expected None"),
    ):
        with pytest.raises(LatentError, match=said):
            use(wrong)


def test_spaces_are_found_by_name() -> None:
    assert space_named("f/zplus").title == "F/Z+"
    assert len({space.title for space in SPACES.values()}) == len(SPACES)
    with pytest.raises(UsageError, match="no space 'w\\+'; expected one of z, zplus, w"):
        space_named("w+")


def test_few_spaces_differ_in_all_that_spaces_can() -> None:
    for what in ("kind", "layered", "with_f", "regulariser"):
        few, every = ({getattr(SPACES[name], what) for name in names} for names in (FEW_SPACES, SPACES))
        assert few == every


class TestStatistics:
    def test_p_n_is_white_for_codes_of_the_mapping_network(self, model: Model, generator: Generator) -> None:
        w = generator.mapping(torch.randn(4096, DIM, generator=torch.Generator().manual_seed(2)))
        coordinates = model.statistics.to_pn(w)
        assert coordinates.mean(dim=0).abs().max() < 0.1
        torch.testing.assert_close(coordinates.T.cov(), torch.eye(DIM), rtol=0, atol=0.15)

    def test_the_mean_of_w_is_the_mean_style_of_as_many_codes(self, model: Model, generator: Generator) -> None:
        mean = mean_style(generator.mapping, DIM, samples=2048, seed=statistics.SEED)
        torch.testing.assert_close(model.statistics.w_mean, mean, rtol=0, atol=1e-6)

    def test_p_n_and_back(self, model: Model) -> None:
        w = torch.randn(5, 3, DIM)
        torch.testing.assert_close(model.statistics.from_pn(model.statistics.to_pn(w)), w, rtol=1e-4, atol=1e-4)

    def test_they_are_computed_once_for_the_same_weights(
        self, generator: Generator, cached: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = statistics_of(generator)
        monkeypatch.setattr(statistics, "compute", lambda generator: pytest.fail("computed again"))
        torch.testing.assert_close(statistics_of(generator).pn_axes, first.pn_axes, rtol=0, atol=0)
        monkeypatch.undo()
        monkeypatch.setenv(cache.VARIABLE, str(cached))
        (file,) = (cached / "statistics").iterdir()
        for damaged in (file.read_bytes()[:-100], b"nothing", b""):
            file.write_bytes(damaged)
            torch.testing.assert_close(statistics_of(generator).pn_axes, first.pn_axes, rtol=0, atol=0)

    def test_they_are_kept_for_each_kind_of_device(self, generator: Generator, cached: Path) -> None:
        statistics_of(generator)
        (file,) = (cached / "statistics").iterdir()
        assert "-cpu-" in file.name

    def test_the_z_nearest_to_their_mean_is_found_once(
        self, generator: Generator, model: Model, cached: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        targets: list[Tensor] = []
        z = retract(torch.randn(1, 1, DIM))

        def project(mapping: StyleMapping, target: Tensor, codes: int) -> Chase:
            targets.append(target)
            return Chase(SphericalLatent(z), target, torch.zeros(1))

        monkeypatch.setattr(nearest, "project", project)
        mean = model.statistics.w_mean
        for _ in range(2):
            assert torch.equal(nearest.nearest_z(generator, mean), z)
        assert len(targets) == 1 and torch.equal(targets[0], mean.expand(1, 8, -1))
        (file,) = (cached / "nearest").iterdir()
        whole = file.read_bytes()
        for damaged in (whole[:-100], b"", saved({"z": 2 * z}), saved({"z": z * torch.nan}), saved([z]), saved({})):
            file.write_bytes(damaged)
            assert torch.equal(nearest.nearest_z(generator, mean), z)
        assert len(targets) == 1 + 6
        nearest.nearest_z(generator, mean + 1)
        assert len(targets) == 1 + 6 + 1

    def test_a_cache_that_cannot_be_written_is_done_without(
        self, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "folder"))
        assert statistics_of(generator).w_mean.shape == (DIM,)


class TestStart:
    def test_style_codes_start_at_the_mean(self, model: Model, generator: Generator) -> None:
        mean = generator.synthesis(model.statistics.w_mean.expand(3, generator.num_layers, -1))
        for name in ("w", "wplus", "pn", "pnplus", "s"):
            pictures = model.pictures(model.start(SPACES[name], 3))
            torch.testing.assert_close(pictures, mean, rtol=1e-4, atol=1e-4)

    def test_z_starts_where_its_style_code_is_near_the_mean(self, model: Model, generator: Generator) -> None:
        point = model.start(SPACES["zplus"], 2)
        assert point.code.shape == (2, generator.num_layers, DIM)
        on_sphere(point)
        gap = (model.w(point)[0, 0] - model.statistics.w_mean).norm()
        others = generator.mapping(torch.randn(200, DIM)) - model.statistics.w_mean
        assert gap < others.norm(dim=1).min() * 1.01

    @every_space
    def test_a_seed_starts_all_pictures_at_one_random_code(self, model: Model, space: Space) -> None:
        point, other = model.start(space, 2, seed=3), model.start(space, 2, seed=4)
        assert torch.equal(point.code[0], point.code[1]) and torch.equal(point.code, model.start(space, 2, seed=3).code)
        assert not torch.allclose(point.code, other.code)
        if not space.with_f:  # one code in every space
            pictures = model.pictures(model.start(SPACES["z"], 2, seed=3))
            torch.testing.assert_close(model.pictures(point), pictures, atol=1e-4, rtol=1e-4)

    def test_f_starts_as_the_mean_pictures(self, model: Model, generator: Generator) -> None:
        mean = model.statistics.w_mean.expand(1, generator.num_layers, -1)
        for name in ("f/wplus", "f/s"):
            point = model.start(SPACES[name], 1)
            assert point.f is not None
            torch.testing.assert_close(point.f, generator.features(mean, 8))

    def test_f_starts_where_it_is_told_to(self, model: Model, generator: Generator) -> None:
        f = torch.randn(2, 8, 8, 8)
        point = model.start(SPACES["f/zplus"], 2, f)
        assert point.f is not None and torch.equal(point.f, f) and point.f is not f
        assert point.code.shape[1] == generator.num_layers - generator.first_layer_after(8)


@every_space
class TestInvert:
    def test_pictures_come_nearer(self, model: Model, targets: Tensor, space: Space) -> None:
        steps: list[int] = []
        found = invert(model, space, targets, Settings(steps=10), on_step=lambda step: steps.append(step.number))
        before = (model.pictures(model.start(space, 2)) - targets).square().mean()
        after = (model.pictures(found.point) - targets).square().mean()
        assert after < 0.7 * before
        assert steps == list(range(1, 11))
        assert found.losses.shape == (2,) and found.seconds > 0
        on_sphere(found.point)

    def test_the_same_again(self, model: Model, targets: Tensor, space: Space) -> None:
        first, second = (invert(model, space, targets, Settings(steps=3)).point for _ in range(2))
        assert torch.equal(first.code, second.code)
        assert first.f is None or (second.f is not None and torch.equal(first.f, second.f))

    def test_a_picture_alone_is_inverted_as_in_company(self, model: Model, targets: Tensor, space: Space) -> None:
        f = torch.randn(2, *model.f_shape) * torch.tensor([0.1, 10]).view(2, 1, 1, 1) if space.with_f else None
        alone = invert(model, space, targets[1:], Settings(steps=3), f=None if f is None else f[1:]).point
        together = invert(model, space, targets, Settings(steps=3), f=f).point
        torch.testing.assert_close(alone.code, together[1:].code, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(alone.f, together[1:].f, rtol=1e-3, atol=1e-3)


def test_what_cannot_be_inverted_is_refused(model: Model, targets: Tensor) -> None:
    f = torch.zeros(2, *model.f_shape)
    with pytest.raises(UsageError, match="0 steps; expected at least 1"):
        invert(model, SPACES["z"], targets, Settings(steps=0))
    with pytest.raises(UsageError, match=r"shape \(2, 1, 32, 32\); expected \(B, 3, 32, 32\)"):  # would broadcast
        invert(model, SPACES["z"], targets[:, :1], Settings(steps=1))
    with pytest.raises(UsageError, match=r"shape \(1, 8, 8, 8\); expected \(2, 8, 8, 8\)"):
        invert(model, SPACES["f/z"], targets, Settings(steps=1), f=f[:1])
    with pytest.raises(UsageError, match=r"expected none in Z\+"):
        invert(model, SPACES["zplus"], targets, Settings(steps=1), f=f)


def test_a_likeness_counts(model: Model, targets: Tensor) -> None:
    def darkness(pictures: Tensor, targets: Tensor) -> Tensor:
        return pictures.mean(dim=(1, 2, 3))

    def brightness_with(weight: float) -> Tensor:
        settings = Settings(steps=10, likeness=weight)
        return model.pictures(invert(model, SPACES["wplus"], targets, settings, likeness=darkness).point).mean()

    assert brightness_with(1.0) < brightness_with(0.0) - 0.05


def test_regularisers_draw_codes_to_those_of_the_mapping_network(model: Model, targets: Tensor) -> None:
    def point_of(name: str) -> Point:
        return invert(model, SPACES[name], targets, Settings(steps=20, pn=0.1, lsap=1.0)).point

    free, drawn, aligned = (point_of(name) for name in ("wplus", "wplus-pn", "wplus-lsap"))
    to_pn = model.statistics.to_pn
    assert to_pn(drawn.code).square().mean() < 0.8 * to_pn(free.code).square().mean()
    assert (alignment(model, aligned) < alignment(model, free)).all()


def test_what_f_replaces_has_no_influence(model: Model, generator: Generator) -> None:
    point = model.start(SPACES["f/wplus"], 1)
    w = model.w(point)
    first = model.first_layer(point.space)
    w[:, :first] = torch.randn(1, first, DIM)
    assert torch.equal(generator.synthesis(w, f=point.f), model.pictures(point))


class TestMoves:
    def test_no_move_is_the_same_point(self, model: Model) -> None:
        for space in SPACES.values():
            point = model.start(space, 2)
            assert model.moved(point, torch.randn(DIM), torch.randn(DIM), 0) is point

    @pytest.mark.parametrize("shape", [(DIM,), (8, DIM)])
    def test_z_stays_on_the_hypersphere(self, model: Model, shape: tuple[int, ...]) -> None:
        direction = torch.randn(shape)
        for name in ("z", "zplus", "f/z", "f/zplus"):
            point = model.start(SPACES[name], 2)
            moved = model.moved(point, direction, direction, 3.0)
            on_sphere(moved)
            assert not torch.allclose(moved.code, point.code, atol=0.1)
            assert moved.f is point.f

    def test_a_move_on_the_hypersphere_is_as_long_as_its_tangent_part(self, model: Model) -> None:
        point = model.start(SPACES["z"], 1)
        direction = torch.randn(DIM)
        tangent = direction - (direction @ point.code[0, 0]) / DIM * point.code[0, 0]
        moved = model.moved(point, direction, direction, 0.25)
        angle = torch.acos(F.cosine_similarity(moved.code, point.code, dim=-1))
        torch.testing.assert_close(angle * DIM**0.5, 0.25 * tangent.norm().expand(1, 1), rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("shape", [(DIM,), (8, DIM)])
    def test_w_s_and_p_n_move_alike(self, model: Model, shape: tuple[int, ...]) -> None:
        direction = torch.randn(shape) * 0.3
        for prefix in ("", "f/"):
            names = [prefix + name for name in ("wplus", "s", "wplus-pn")] + ([] if prefix else ["pnplus"])
            moved = [model.moved(model.start(SPACES[name], 1), direction, direction, 1.5) for name in names]
            pictures = [model.pictures(point) for point in moved]
            for other in pictures[1:]:
                torch.testing.assert_close(other, pictures[0], rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("layers", [1, 8])
    @pytest.mark.parametrize("space", ["z", "f/zplus", "w", "f/wplus", "wplus-pn", "f/s"])
    def test_codes_can_have_directions_of_their_own(self, model: Model, space: str, layers: int) -> None:
        own = torch.randn(2, layers, DIM)
        point = model.start(SPACES[space], 2)
        moved = model.moved(point, own, own, 1.5)
        for index, direction in enumerate(own):
            alone = model.moved(point[index : index + 1], direction, direction, 1.5)
            torch.testing.assert_close(moved.code[index], alone.code[0])


def test_s_has_no_style_codes(model: Model) -> None:
    with pytest.raises(UsageError, match="no style codes"):
        model.w(model.start(SPACES["s"], 1))


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def on_sphere(point: Point) -> None:
    if point.space.kind == "z":
        norms = point.code.norm(dim=-1)
        torch.testing.assert_close(norms, torch.full_like(norms, DIM**0.5), rtol=0, atol=1e-5)
