"""Guided backpropagation.

Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR workshop 2015, arXiv 1412.6806. captum's
hooks modules; networks that call ``torch.relu`` have none, so here the function is replaced while the gradient is
taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecg.errors import ModelError
from explain.subject import Subject, undisturbed

__all__ = ["guided_gradient", "guided_rectifiers"]

Score = Callable[[Any], Any]


def guided_gradient(subject: Subject, x: Any, score: Score) -> Any:
    """Gradient that passes an activation only where it is positive and so is what went in.

    For ReLU that is Springenberg's rule; smooth relatives (GELU, SiLU, hard swish) keep their own slope under the same
    two conditions.

    Parameters
    ----------
    subject : Subject
    x : torch tensor [1, *shape]
    score : callable
        From `Subject.scorer`.

    Returns
    -------
    torch tensor of the same shape

    Raises
    ------
    ModelError
        If the network has no such activation.
    """
    import torch

    leaf = x.detach().clone().requires_grad_(True)
    mode = guided_rectifiers()
    with undisturbed(subject.network), torch.enable_grad(), mode:
        (gradient,) = torch.autograd.grad(score(leaf).sum(), leaf)
    if not mode.met:
        name = subject.classifier.card.name
        raise ModelError(f"guided backpropagation needs rectifiers and the network {name} has none; take gradcam")
    return gradient.detach()


def guided_rectifiers() -> Any:
    """Make a context in which every rectifier has the guided gradient; ``met`` says whether there was one.

    Returns
    -------
    torch.overrides.TorchFunctionMode
    """
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    class Guided(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, slope: Any) -> Any:
            ctx.save_for_backward(x, slope)
            return x * 0.0

        @staticmethod
        def backward(ctx: Any, above: Any) -> Any:
            x, slope = ctx.saved_tensors
            return above.clamp(min=0) * (x > 0) * slope, None

    smooth = {functional.gelu, functional.silu, functional.hardswish, functional.relu6, functional.hardtanh}
    plain = {torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, functional.relu}

    class Mode(TorchFunctionMode):
        met = False

        def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func not in plain and func not in smooth:
                return func(*args, **(kwargs or {}))
            self.met = True
            x = args[0]
            with torch.enable_grad():
                seen = x.detach().requires_grad_(True)
                # The limits of a clipped rectifier go along, the wish to write in place does not.
                limits = args[1:3] if func is functional.hardtanh else ()
                y = functional.relu(seen) if func in plain else func(seen, *limits)
                (slope,) = torch.autograd.grad(y.sum(), seen)
            return y.detach() + Guided.apply(x, slope)

    return Mode()
