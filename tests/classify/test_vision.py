"""torchvision beside a torch without CUDA."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")


def test_what_imports_torchvision_by_itself_works_after_the_shim() -> None:
    code = """
import sys
from importlib.util import find_spec
from classify.vision import torchvision
module = torchvision()
assert torchvision() is module is sys.modules["torchvision"]
import torchmetrics, torch
from torchvision import transforms
network = module.models.resnet18(weights=None).eval()
assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_boxes_are_suppressed_as_defined() -> None:
    from classify.vision import torchvision

    nms = torchvision().ops.nms
    # Overlap of the first two: 9 x 9 of 100 + 81 - 81, 0.81.
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.9, 0.1])
    assert nms(boxes, scores, 0.8).tolist() == [1, 2]
    assert nms(boxes, scores, 0.82).tolist() == [1, 0, 2]
    assert nms(torch.empty(0, 4), torch.empty(0), 0.5).tolist() == []


def test_any_other_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import classify.vision
    from ecg.errors import ModelError

    def broken(name: str) -> None:
        raise RuntimeError("undefined symbol")

    monkeypatch.setattr(classify.vision.importlib, "import_module", broken)
    with pytest.raises(ModelError, match="install the pair of one release"):
        classify.vision.torchvision.__wrapped__()
    monkeypatch.setattr(
        classify.vision.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name))
    )
    with pytest.raises(ModelError, match="is needed and cannot be imported"):
        classify.vision.torchvision.__wrapped__()
