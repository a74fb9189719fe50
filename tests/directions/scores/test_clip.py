"""Scores by text: with open_clip, if it is installed, and with a stand-in of its shape; the weights are random."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from zplus_plugins.directions.scores.clip import Clip, name_of
from zplus_plugins.errors import RequirementError, UsageError

TINY = "tiny"
PLACE = "somebody/tiny"
WORDS = ("a smiling face", "a serious face")


class _StandIn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visual = SimpleNamespace(image_size=16, image_mean=(0.5, 0.4, 0.3), image_std=(0.3, 0.2, 0.1))
        self.image = nn.Linear(3 * 16 * 16, 8)
        self.text = nn.Embedding(256, 8)

    def encode_image(self, pictures: Tensor) -> Tensor:
        encoded: Tensor = self.image(pictures.flatten(1))
        return encoded

    def encode_text(self, tokens: Tensor) -> Tensor:
        encoded: Tensor = self.text(tokens).mean(dim=1)
        return encoded


def _stand_in() -> ModuleType:
    module: Any = ModuleType("open_clip")
    configs = {TINY: {"text_cfg": {}}, "foreign": {"text_cfg": {"hf_tokenizer_name": "google/x"}}}
    module.get_model_config = configs.get
    module.list_models = lambda: list(configs)
    module.create_model = lambda name, **options: _StandIn()
    module.get_tokenizer = lambda name: (
        lambda texts: torch.tensor([list(text.ljust(20).encode())[:20] for text in texts])
    )
    module.list_pretrained_tags_by_model = lambda name: ["quick", "right"]
    module.get_pretrained_cfg = lambda name, tag: {"hf_hub": f"{PLACE}-{tag}/", "quick_gelu": tag == "quick"}
    return module


def _real(folder: Path) -> ModuleType:
    library: Any = pytest.importorskip("open_clip")
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
    }
    (folder / f"{TINY}.json").write_text(json.dumps(config))
    library.add_model_config(folder)
    found: ModuleType = library
    return found


@pytest.fixture(params=["stand-in", "open_clip"])
def library(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = _stand_in() if request.param == "stand-in" else _real(tmp_path)
    monkeypatch.setitem(sys.modules, "open_clip", module)
    monkeypatch.chdir(tmp_path)
    yield module


@pytest.fixture
def weights(library: Any) -> Path:
    torch.manual_seed(3)
    model = library.create_model(TINY, pretrained=None, load_weights=False)
    torch.save({"state_dict": {f"module.{name}": value for name, value in model.state_dict().items()}}, "tiny.pt")
    return Path("tiny.pt")


def test_scores_are_differences_of_cosines(library: Any, weights: Path) -> None:
    torch.manual_seed(4)  # the model that is filled begins with other weights
    scores = Clip(WORDS, WORDS[::-1], weights, TINY)
    assert scores.names == ("a-smiling-face", "a-serious-face")
    model = library.create_model(TINY, pretrained=None, load_weights=False).eval()
    state = torch.load(weights, weights_only=True)["state_dict"]
    model.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    side = int(torch.tensor(model.visual.image_size).flatten()[0])
    pictures = torch.rand(3, 3, side, side) * 2 - 1
    mean, std = (torch.tensor(one).reshape(3, 1, 1) for one in (model.visual.image_mean, model.visual.image_std))
    with torch.no_grad():
        image = model.encode_image(((pictures + 1) / 2 - mean) / std)
        texts = model.encode_text(library.get_tokenizer(TINY)(list(WORDS)))
        cosines = torch.cosine_similarity(image[:, None], texts[None], dim=2)
    expected = cosines[:, :1] - cosines[:, 1:]
    assert torch.allclose(scores(pictures), torch.cat([expected, -expected], dim=1), atol=1e-5)
    assert float(expected.abs().max()) > 1e-3


def test_images_are_prepared_as_open_clip_prepares_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = _real(tmp_path)
    monkeypatch.chdir(tmp_path)
    model = library.create_model(TINY, pretrained=None, load_weights=False)
    torch.save(model.state_dict(), "tiny.pt")
    scores = Clip(["up"], ["down"], "tiny.pt", TINY)
    prepare = library.image_transform(32, is_train=False)
    levels = torch.randint(0, 256, (3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen: list[Tensor] = []
    monkeypatch.setattr(scores._model, "encode_image", lambda images: seen.append(images) or images.flatten(1)[:, :16])
    scores(levels[None].float() / 127.5 - 1)
    expected = prepare(Image.fromarray(levels.permute(1, 2, 0).numpy()))
    error = (seen[0][0] - expected).abs()  # Pillow rounds to 8 bits in between
    assert error.mean() < 0.01 and error.max() < 0.15


def test_one_opposite_serves_all_texts(library: Any, weights: Path) -> None:
    scores = Clip(["old", "happy"], ["a face"], weights, TINY)
    assert scores(torch.zeros(2, 3, 8, 8)).shape == (2, 2)
    assert scores.key != Clip(["old", "happy"], ["a person"], weights, TINY).key


@pytest.mark.parametrize(
    ("texts", "against", "message"),
    [
        ((), ("a",), "There are 0 texts"),
        (("a", "b", "c"), ("d", "e"), "3 texts .* and 2 opposites"),
        (("Happy!", "happy"), ("sad",), "names happy, happy; expected different"),
        (("!",), ("sad",), "has no words"),
    ],
)
def test_texts_that_do_not_go_together_are_refused(
    texts: tuple[str, ...], against: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Clip(texts, against, "absent.pt", TINY)


def test_models_and_weights_that_cannot_be_used_are_refused(library: Any, weights: Path) -> None:
    with pytest.raises(UsageError, match="open_clip has no model absent; it has "):
        Clip(WORDS[:1], WORDS[1:], weights, "absent")
    with pytest.raises(RequirementError, match=r"There are no weights absent.pt"):
        Clip(WORDS[:1], WORDS[1:], "absent.pt", TINY)
    torch.save({"other": torch.ones(1)}, "other.pt")
    with pytest.raises(RequirementError, match=r"not those of tiny: .*Name their model with --clip-model"):
        Clip(WORDS[:1], WORDS[1:], "other.pt", TINY)
    Path("damaged.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0not json")
    with pytest.raises(RequirementError, match=r"damaged.safetensors cannot be read"):
        Clip(WORDS[:1], WORDS[1:], "damaged.safetensors", TINY)
    torch.save(Path, "code.pt")
    with pytest.raises(RequirementError, match=r"code.pt cannot be read: it contains"):
        Clip(WORDS[:1], WORDS[1:], "code.pt", TINY)


def test_a_tokenizer_that_would_be_downloaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", _stand_in())
    with pytest.raises(UsageError, match="would have to be downloaded"):
        Clip(WORDS[:1], WORDS[1:], "weights.pt", "foreign")


def test_weights_are_taken_from_the_cache_and_never_downloaded(
    library: Any, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    hub: Any = ModuleType("huggingface_hub")
    hub.try_to_load_from_cache = lambda place, file: asked.append((place, file))
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setattr(library, "list_pretrained_tags_by_model", lambda name: ["quick", "right"])
    config = {"right": {"hf_hub": f"{PLACE}/"}, "quick": {"hf_hub": "quick/", "quick_gelu": True}}
    monkeypatch.setattr(library, "get_pretrained_cfg", lambda name, tag: config[tag])
    with pytest.raises(RequirementError, match=f"no weights of tiny on this machine, .*huggingface.co/{PLACE}"):
        Clip(WORDS[:1], WORDS[1:], None, TINY)
    assert asked == [(PLACE, "open_clip_model.safetensors")], "weights of another activation would load, and be wrong"
    hub.try_to_load_from_cache = lambda place, file: str(weights.absolute())
    assert Clip(WORDS[:1], WORDS[1:], None, TINY).key == Clip(WORDS[:1], WORDS[1:], weights, TINY).key


def test_without_open_clip_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(RequirementError, match=r"pip install 'zplus-plugins\[clip\]'"):
        Clip(["a"], ["b"], "weights.pt")


def test_names_are_words() -> None:
    assert name_of("A photo of a smiling face!") == "a-photo-of-a-smiling-face"
    assert len(name_of("very " * 50)) <= 60 and not name_of("very " * 50).endswith("-")
