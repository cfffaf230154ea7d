"""Attributions from the gradient of the target's logit with respect to the input.

Saliency: Simonyan, Vedaldi & Zisserman, ICLR workshop 2014, arXiv 1312.6034. Integrated Gradients: Sundararajan, Taly &
Yan, ICML 2017, arXiv 1703.01365. Both are captum's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classify.vision import torchvision
from explain.result import Map
from explain.subject import Subject, undisturbed
from explain.view import View

__all__ = ["baseline_of", "input_gradient", "integrated_gradients", "saliency"]

Float32 = NDArray[np.float32]

#: Steps of the integral: from, and at most. Each refinement doubles them.
_FIRST_STEPS, _MOST_STEPS = 32, 500
#: Difference at which the integral is fine enough, as a share of what it explains.
_LEAST_DELTA = 0.01
#: Inputs at once: 32 of ten seconds at 500 Hz keep a network's maps under 200 MB.
_BATCH = 32


def baseline_of(view: View, name: str) -> Float32:
    """Input without its signal: rows at 0, as published, or each a straight line at its own median.

    Rows that tell which seconds are present stay: they hold no signal, and a path on which they change leaves what the
    network knows.

    Parameters
    ----------
    view : View
    name : str
        ``"zero"``, else the median.

    Returns
    -------
    float32 array of the input's shape
    """
    x = view.x[None].copy()
    rows = view.rows(x)
    known = np.asarray(view.carry.any(axis=1))
    for row, there in zip(rows[0], known, strict=True):
        row[there] = np.median(row[there]) if name != "zero" and there.any() else 0.0
    return np.asarray(x[0])


def input_gradient(subject: Subject, view: View, target: int) -> Float32:
    """Gradient of the target's logit, carried back to the leads.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int
        Place among the model's outputs.

    Returns
    -------
    float32 array [leads, samples]
        Logit by unit of the input.
    """
    return view.back(_saliency(subject, view, target))


def saliency(subject: Subject, view: View, target: int) -> Map:
    """Size of the gradient at the input, carried back to the leads.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int

    Returns
    -------
    Map
    """
    return Map(np.abs(input_gradient(subject, view, target)), steps=1)


def integrated_gradients(subject: Subject, view: View, target: int, baseline: str = "zero") -> Map:
    """Integrated Gradients, refined until complete.

    The integral is taken in 32 steps, then twice as many, until the attributions sum to the difference of the logits
    within 1 % or 500 steps are reached; what is left is `Map.delta`.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int
    baseline : str
        See `baseline_of`.

    Returns
    -------
    Map
        Signed: positive speaks for the target.
    """
    torchvision()
    import torch
    from captum.attr import IntegratedGradients

    score = subject.scorer(target, view.extra)
    start = baseline_of(view, baseline)
    x, base = torch.from_numpy(view.x[None]), torch.from_numpy(start[None])
    distance = np.nan_to_num(view.signal) - np.nan_to_num(view.seen(start))
    with undisturbed(subject.network):
        with torch.no_grad():
            wanted = float(score(x) - score(base))
        steps, spent = _FIRST_STEPS, 0
        method = IntegratedGradients(score, multiply_by_inputs=False)
        while True:
            mean = method.attribute(x, base, n_steps=steps, internal_batch_size=_BATCH)
            values = view.back(mean.detach().numpy()[0].astype(np.float32)) * distance
            spent += steps
            delta = abs(float(values.sum(dtype=np.float64)) - wanted) / max(abs(wanted), 1e-6)
            if delta <= _LEAST_DELTA or steps >= _MOST_STEPS:
                break
            steps = min(2 * steps, _MOST_STEPS)
    note = () if delta <= _LEAST_DELTA else (f"Integrated Gradients is {100 * delta:.1f} % off after {steps} steps",)
    return Map(values.astype(np.float32), delta, spent, note)


def _saliency(subject: Subject, view: View, target: int) -> Float32:
    torchvision()
    import torch
    from captum.attr import Saliency

    x = torch.from_numpy(view.x[None].copy()).requires_grad_(True)
    with undisturbed(subject.network):
        found = Saliency(subject.scorer(target, view.extra)).attribute(x, abs=False)
    return np.asarray(found.detach().numpy()[0], dtype=np.float32)
