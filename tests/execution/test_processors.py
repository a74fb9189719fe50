"""How many processes work, with how many threads each."""

from __future__ import annotations

import pytest
import torch

from zplus_plugins.errors import UsageError
from zplus_plugins.execution.processors import Share, share, visible_gpus


@pytest.mark.parametrize(
    ("threads", "wanted", "expected"),
    [
        (1, None, (6, 1)),
        (1, 2, (2, 1)),
        (6, None, (1, 6)),
        (6, 2, (2, 3)),
        (6, 9, (9, 1)),
    ],
)
def test_on_the_cpu(
    threads: int, wanted: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    assert share(threads, "cpu", wanted) == Share(*expected)


@pytest.mark.parametrize(
    ("visible", "names"), [(None, ("0", "1", "2")), ("4,GPU-a, 6", ("4", "GPU-a", "6")), ("", ("0", "1", "2"))]
)
def test_every_process_has_its_gpu(
    visible: str | None, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus() == names
    assert share(6, "cuda") == Share(3, 6, names)
    assert share(6, "cuda", 2) == Share(2, 6, names[:2])
    assert share(6, "cuda", 1) == Share(1, 6)
    with pytest.raises(UsageError, match="--workers 4: torch sees 3 GPUs"):
        share(6, "cuda", 4)


def test_one_gpu_is_used_by_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert share(6, "cuda") == Share(1, 6)
    with pytest.raises(UsageError, match="--workers 2: torch sees 1 GPU here"):
        share(1, "cuda", 2)
