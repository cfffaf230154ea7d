"""Attributions from the gradient of the target's logit with respect to the input.

Saliency: Simonyan, Vedaldi & Zisserman, ICLR workshop 2014, arXiv 1312.6034. Integrated Gradients: Sundararajan, Taly &
Yan, ICML 2017, arXiv 1703.01365. Both are captum's. Two more are quick and told at the resolution of a small square of
the paper: Integrated Gradients in 32 steps, and the guided gradient (Springenberg et al. 2015, arXiv 1412.6806) times
the input (Shrikumar et al. 2016, arXiv 1605.01713).

Why spread: a gradient's sign changes from sample to sample where the network's first filters straddle a slope, and what
speaks for the target then depends on where a sample falls. Averaged over 70 ms the sum stays, and deletion finds the
map more faithful: 0.42 below chance against 0.25 on 21 synthetic infarctions (`benchmarks.explanations` takes others).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classify.vision import torchvision
from explain.guided import guided_gradient
from explain.result import Map
from explain.subject import Subject, undisturbed
from explain.view import View

__all__ = [
    "baseline_of",
    "guided_input",
    "input_gradient",
    "integrated_gradients",
    "integrated_smooth",
    "saliency",
    "spread",
]

Float32 = NDArray[np.float32]

#: Steps of the integral: from, and at most. Each refinement doubles them.
_FIRST_STEPS, _MOST_STEPS = 32, 500
#: Difference at which the integral is fine enough, as a share of what it explains.
_LEAST_DELTA = 0.01
#: Inputs at once: 32 of ten seconds at 500 Hz keep a network's maps under 200 MB.
_BATCH = 32
#: Standard deviation in seconds of the Gaussian that `spread` takes: 70 ms between its half heights. On synthetic
#: records 20, 30 and 40 ms found territories and beats alike; deletion prefers more.
_SPREAD_S = 0.03


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
    steps, spent = _FIRST_STEPS, 0
    while True:
        values, delta = _integral(subject, view, target, baseline, steps)
        spent += steps
        if delta <= _LEAST_DELTA or steps >= _MOST_STEPS:
            break
        steps = min(2 * steps, _MOST_STEPS)
    note = () if delta <= _LEAST_DELTA else (f"Integrated Gradients is {100 * delta:.1f} % off after {steps} steps",)
    return Map(values, delta, spent, note)


def _integral(subject: Subject, view: View, target: int, baseline: str, steps: int) -> tuple[Float32, float]:
    """Attributions on the leads in so many steps, and how far their sum is off, as a share of what it should be."""
    torchvision()
    import torch
    from captum.attr import IntegratedGradients

    score = subject.scorer(target, view.extra)
    start = baseline_of(view, baseline)
    x, base = torch.from_numpy(view.x[None]), torch.from_numpy(start[None])
    with undisturbed(subject.network):
        with torch.no_grad():
            wanted = float(score(x) - score(base))
        method = IntegratedGradients(score, multiply_by_inputs=False)
        mean = method.attribute(x, base, n_steps=steps, internal_batch_size=_BATCH)
    values = view.back(mean.detach().numpy()[0].astype(np.float32)) * _distance(view, baseline)
    return values, abs(float(values.sum(dtype=np.float64)) - wanted) / max(abs(wanted), 1e-6)


def _distance(view: View, baseline: str) -> Float32:
    """How far the leads are from those of the baseline; 0 where a lead is not shown."""
    return np.asarray(np.nan_to_num(view.signal) - np.nan_to_num(view.seen(baseline_of(view, baseline))))


def integrated_smooth(subject: Subject, view: View, target: int, baseline: str = "zero") -> Map:
    """Integrated Gradients in 32 steps, spread over a small square of paper.

    Parameters
    ----------
    subject, view, target, baseline
        As for `integrated_gradients`.

    Returns
    -------
    Map
        Signed. It is not refined: how far its sum is off stands in `Map.delta`.
    """
    values, delta = _integral(subject, view, target, baseline, _FIRST_STEPS)
    return Map(spread(values, view.shown, view.fs), delta, _FIRST_STEPS)


def guided_input(subject: Subject, view: View, target: int, baseline: str = "zero") -> Map:
    """Guided gradient times what the leads differ from the baseline by, spread over a small square of paper.

    Signed, unlike guided Grad-CAM: where gradient and deflection disagree, the deflection speaks against the target. By
    its size alone the map would be the record's own shape: with all weights shuffled, its rank correlation to itself
    stays at 0.7; signed it falls to 0.1 (four synthetic records with premature beats).

    Parameters
    ----------
    subject, view, target, baseline
        As for `integrated_gradients`.

    Returns
    -------
    Map

    Raises
    ------
    ModelError
        If the network has no rectifiers.
    """
    import torch

    score = subject.scorer(target, view.extra)
    guided = view.back(guided_gradient(subject, torch.from_numpy(view.x[None]), score).numpy()[0])
    return Map(spread(guided * _distance(view, baseline), view.shown, view.fs), steps=1)


def spread(values: NDArray[np.floating], shown: NDArray[np.bool_], fs: float) -> Float32:
    """Spread a map along time by a Gaussian, keeping each lead's sum where it is shown.

    Parameters
    ----------
    values : float array [leads, samples]
    shown : bool array [leads, samples]
        Nothing is spread to where a lead is not shown.
    fs : float
        Rate in Hz.

    Returns
    -------
    float32 array [leads, samples]

    Examples
    --------
    >>> y = spread(np.eye(1, 9, 4), np.ones((1, 9), bool), 100.0)
    >>> round(float(y.sum()), 6), int(y.argmax())
    (1.0, 4)
    """
    from scipy.ndimage import gaussian_filter1d

    sd = _SPREAD_S * fs
    # What a sample gives away arrives: each is divided by the share of its Gaussian that falls where the lead is shown.
    kept = gaussian_filter1d(shown.astype(np.float64), sd, axis=1, mode="constant")
    given = np.where(shown, values, 0.0) / np.where(shown, kept, 1.0)
    found = gaussian_filter1d(given, sd, axis=1, mode="constant") * shown
    return np.asarray(found, dtype=np.float32)


def _saliency(subject: Subject, view: View, target: int) -> Float32:
    torchvision()
    import torch
    from captum.attr import Saliency

    x = torch.from_numpy(view.x[None].copy()).requires_grad_(True)
    with undisturbed(subject.network):
        found = Saliency(subject.scorer(target, view.extra)).attribute(x, abs=False)
    return np.asarray(found.detach().numpy()[0], dtype=np.float32)
