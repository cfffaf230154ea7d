"""Grad-CAM and guided Grad-CAM of networks over time.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
DOI 10.1109/ICCV.2017.74; captum's `LayerGradCam` on the last layer that still knows time, as `ModelEntry.explains`
names it, enlarged linearly to the input's length and scaled to [0, 1].

Such a map has no leads. The leads share it by the size of their input gradient: map(t) times |gradient(lead, t)|,
scaled to [0, 1] again. Networks that keep their leads apart up to that layer (ECG-SMART-NET) have the leads in the map
itself.

Where a column of the map stands is measured. Enlarging it edge to edge, as interpolation functions do, takes each
column for the middle of its share of the input, but a convolution of stride 2 that is padded on both sides looks at the
first of its two samples: four of them at 100 Hz shift the map by 75 ms, from the QRS complex into ST.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.vision import torchvision
from ecg.errors import ModelError
from explain.gradients import input_gradient
from explain.guided import guided_gradient
from explain.result import Map
from explain.subject import Subject, undisturbed
from explain.view import View

__all__ = [
    "LEAD_SPLIT",
    "column_centres",
    "enlarged",
    "grad_cam",
    "guided_grad_cam",
    "layer_of",
    "lead_split",
    "scaled",
]

Float32 = NDArray[np.float32]
Float = NDArray[np.float64]

#: What a reader is told of a map without leads.
LEAD_SPLIT = "the map has no leads of its own: each moment is shared among them by the size of the input gradient"
#: Columns in the middle of a map whose place is measured: their mean is good to a sample or two.
_MEASURED = 8


def layer_of(subject: Subject) -> Any:
    """Layer whose maps are read; raises ModelError if the architecture names none."""
    if not subject.entry.explains:
        raise ModelError(f"the model {subject.classifier.card.name} has no layer for Grad-CAM; explain it by occlusion")
    return subject.network.get_submodule(subject.entry.explains)


def grad_cam(subject: Subject, view: View, target: int) -> Map:
    """Grad-CAM, on the leads.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int

    Returns
    -------
    Map
        Between 0 and 1.
    """
    cam = time_map(subject, view, target)
    if len(cam) == len(view.leads):
        return Map(scaled(np.where(view.shown, cam, 0)), steps=1)
    return Map(lead_split(cam, input_gradient(subject, view, target)), steps=2, notes=(LEAD_SPLIT,))


def guided_grad_cam(subject: Subject, view: View, target: int) -> Map:
    """Grad-CAM times the guided gradient.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int

    Returns
    -------
    Map
        Sizes between 0 and 1: the guided gradient is multiplied in by its absolute value, since a deflection may point
        either way.

    Raises
    ------
    ModelError
        If the network has no rectifiers.
    """
    import torch

    cam = time_map(subject, view, target)
    score = subject.scorer(target, view.extra)
    guided = view.back(guided_gradient(subject, torch.from_numpy(view.x[None]), score).numpy()[0])
    return Map(scaled(np.abs(guided) * cam), steps=2)


def lead_split(cam: NDArray[np.floating], gradient: NDArray[np.floating]) -> Float32:
    """Share a map over time among the leads.

    Parameters
    ----------
    cam : float array [1, samples], 0 or more
    gradient : float array [leads, samples]

    Returns
    -------
    float32 array [leads, samples] between 0 and 1

    Examples
    --------
    >>> lead_split(np.array([[1.0, 0.5]]), np.array([[-2.0, 2.0], [1.0, 0.0]])).tolist()
    [[1.0, 0.5], [0.5, 0.0]]
    """
    return scaled(cam * np.abs(gradient))


def scaled(values: NDArray[np.floating]) -> Float32:
    """Values of 0 or more over their largest; all 0 stay so."""
    return np.asarray(values / max(float(np.max(values, initial=0.0)), 1e-30), dtype=np.float32)


def time_map(subject: Subject, view: View, target: int) -> Float32:
    """Grad-CAM [1 or leads, samples] between 0 and 1, windows laid over each other by their weight."""
    torchvision()
    import torch
    from captum.attr import LayerGradCam

    layer, network = layer_of(subject), subject.network
    x = torch.from_numpy(view.x[None])
    person = None if view.extra is None else torch.from_numpy(view.extra[None])
    with undisturbed(network):
        weights = window_weights(subject, view, target)
        method = LayerGradCam(network, layer)
        total, count = None, np.zeros(view.x.shape[-1])
        for (a, b), weight in zip(subject.windows(), weights, strict=True):
            part = x[..., a:b].contiguous().requires_grad_(True)
            found = method.attribute(part, target, (person,), relu_attributions=True)
            cam = _rows(found.detach().numpy()[0, 0], view)
            placed = enlarged(cam, column_centres(network, layer, part, cam.shape[1]), b - a)
            total = np.zeros((len(cam), view.x.shape[-1])) if total is None else total
            total[:, a:b] += weight * placed
            count[a:b] += weight
    return scaled(np.zeros((1, 1)) if total is None else total / np.maximum(count, 1e-12))


def window_weights(subject: Subject, view: View, target: int) -> list[float]:
    """How much each window decides: all alike, or the one with the largest logit alone."""
    cut = subject.windows()
    if len(cut) == 1 or subject.classifier.card.windows["pooled"] != "max":
        return [1.0] * len(cut)
    import torch

    person = None if view.extra is None else torch.from_numpy(view.extra[None])
    with torch.no_grad():
        parts = [subject.network(torch.from_numpy(view.x[None, ..., a:b].copy()), person) for a, b in cut]
    best = int(np.argmax([float(part[0, target]) for part in parts]))
    return [float(k == best) for k in range(len(cut))]


def _rows(cam: NDArray[np.floating], view: View) -> Float:
    """Map [rows, columns]: the leads where it has them, else one row."""
    rows = np.asarray(cam, dtype=np.float64).reshape(-1, cam.shape[-1])
    return rows if len(rows) == len(view.leads) else rows.mean(axis=0, keepdims=True)


def column_centres(network: Any, layer: Any, x: Any, columns: int) -> Float:
    """Where on the input the columns of a layer's map stand, in samples.

    The middle of what moves a column: the energy of the gradient of its maps at the input, over the median, averaged
    over some columns in the middle. Columns are evenly spaced, so one offset places them all.

    Parameters
    ----------
    network, layer : torch modules
    x : torch tensor [1, *shape]
    columns : int

    Returns
    -------
    float array [columns]
    """
    import torch

    n = x.shape[-1]
    step = n / columns
    spread = (np.arange(columns) + 0.5) * step - 0.5
    if columns < 2:
        return np.asarray(spread)
    kept: list[Any] = []
    handle = layer.register_forward_hook(lambda _module, _given, out: kept.append(out))
    middle = [k for k in range(columns // 2 - _MEASURED // 2, columns // 2 + _MEASURED // 2) if 0 <= k < columns]
    try:
        leaf = x.detach().expand(len(middle), *x.shape[1:]).clone().requires_grad_(True)
        network(leaf)
        maps = kept[0]
        (gradient,) = torch.autograd.grad(sum(maps[i, ..., k].sum() for i, k in enumerate(middle)), leaf)
    finally:
        handle.remove()
    energy = gradient.detach().reshape(len(middle), -1, n).pow(2).sum(1).numpy().astype(np.float64)
    offsets = []
    for row, k in zip(energy, middle, strict=True):
        above = np.maximum(row - np.median(row), 0)
        if above.sum() > 0:
            offsets.append(float(above @ np.arange(n) / above.sum()) - spread[k])
    # No padding moves a column by more than its own width.
    offset = float(np.clip(np.mean(offsets), -step, step)) if offsets else 0.0
    return np.asarray(spread + offset)


def enlarged(cam: NDArray[np.floating], centres: Float, n: int) -> Float:
    """Rows of a map at every sample, linearly between its columns, the ends held.

    Examples
    --------
    >>> enlarged(np.array([[0.0, 1.0]]), np.array([0.0, 2.0]), 4).tolist()
    [[0.0, 0.5, 1.0, 1.0]]
    """
    return np.stack([np.interp(np.arange(n), centres, row) for row in np.asarray(cam, dtype=np.float64)])
