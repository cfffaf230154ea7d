"""torchvision beside a CPU-only torch.

torchvision's published Linux wheels are CUDA builds. Beside a torch without CUDA their compiled part does not load, and
the import fails at the first operator that Python code registers ("operator torchvision::nms does not exist"); timm,
grad-cam, torchmetrics and lightning import torchvision and fail with it. Its networks and transforms need none of those
operators, so it is enough to declare them. With a matching build nothing is done.
"""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType
from typing import Any

from ecg.errors import ModelError

__all__ = ["torchvision"]


@functools.cache
def torchvision() -> ModuleType:
    """Import torchvision; call this before importing anything that imports it by itself.

    Where the compiled part does not load because torch has no CUDA, the operators ``nms`` and ``qnms`` are declared,
    ``nms`` with a plain kernel for the CPU. Not available then: decoding of pictures (`torchvision.io`) and the other
    compiled operators.

    Returns
    -------
    module

    Raises
    ------
    ModelError
        If torchvision is not installed or fails for another reason.
    """
    try:
        return importlib.import_module("torchvision")
    except ImportError as error:
        raise ModelError(
            f"torchvision is needed and cannot be imported ({error}); pip install 'einthoven[learn]'"
        ) from error
    except RuntimeError as error:
        import torch

        if "torchvision::nms does not exist" not in str(error) or torch.version.cuda is not None:
            raise ModelError(
                f"torchvision does not fit this torch ({error}); install the pair of one release"
            ) from error
    _declare_operators()
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]  # half imported; keeping them would hide the second try
    module = importlib.import_module("torchvision")
    extension: Any = importlib.import_module("torchvision.extension")
    # torchvision.ops asks this before it calls an operator.
    extension._has_ops = lambda: True
    return module


@functools.cache
def _declare_operators() -> Any:
    """Declare the operators; the library object must live as long as the process."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    return library


def _nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Non-maximum suppression: of boxes [n, x0 y0 x1 y1] that overlap too much, the best stays.

    Returns
    -------
    int64 tensor of the kept boxes, best first.
    """
    import torch

    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    rest = torch.argsort(scores, descending=True, stable=True)
    kept = []
    while rest.numel() > 0:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = (high - low).clamp(min=0).prod(dim=1)
        rest = rest[shared <= iou_threshold * (area[best] + area[rest] - shared)]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.int64)
