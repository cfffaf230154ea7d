"""Score-CAM: maps weighed by the answers that they leave, without gradients.

Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR workshops 2020,
DOI 10.1109/CVPRW50498.2020.00020: each channel's map, enlarged and scaled to [0, 1], masks the input; how far the
masked input's logit stands over the baseline's weighs the map, by a softmax over the channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.gradcam import LEAD_SPLIT, column_centres, enlarged, layer_of, lead_split, scaled, window_weights
from explain.gradients import baseline_of, input_gradient
from explain.result import Map
from explain.subject import Subject, undisturbed
from explain.view import View

__all__ = ["score_cam"]

Float = NDArray[np.float64]


def score_cam(subject: Subject, view: View, target: int) -> Map:
    """Score-CAM, on the leads.

    One answer of the model a channel of the layer: 160 for the default network, 512 for a ResNet-18.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int

    Returns
    -------
    Map
        Between 0 and 1, shared among the leads as in `explain.gradcam`.
    """
    n = view.x.shape[-1]
    total, count, spent = np.zeros((1, n)), np.zeros(n), 0
    for (a, b), weight in zip(subject.windows(), window_weights(subject, view, target), strict=True):
        if weight:
            maps = _channel_maps(subject, view.x[None, ..., a:b])
            cam = _weighed(subject, view, target, maps, (a, b))
            total = total if len(total) == cam.shape[0] else np.zeros((cam.shape[0], n))
            total[:, a:b] += weight * cam
            count[a:b] += weight
            spent += len(maps) + 1
    found = np.maximum(total, 0) / np.maximum(count, 1e-12)
    if len(found) == len(view.leads):
        return Map(scaled(np.where(view.shown, found, 0)), steps=spent)
    return Map(lead_split(found, input_gradient(subject, view, target)), steps=spent + 1, notes=(LEAD_SPLIT,))


def _channel_maps(subject: Subject, x: NDArray[np.float32]) -> Float:
    """Every channel's map at every sample of the input [channels, 1 or leads, samples], each from 0 to 1."""
    import torch

    layer, kept = layer_of(subject), []
    handle = layer.register_forward_hook(lambda _module, _given, out: kept.append(out))
    given = torch.from_numpy(np.ascontiguousarray(x))
    try:
        with undisturbed(subject.network), torch.no_grad():
            subject.network(given)
    finally:
        handle.remove()
    maps: Any = kept[0][0].double().numpy()
    maps = maps.reshape(len(maps), -1, maps.shape[-1])
    with undisturbed(subject.network):
        centres = column_centres(subject.network, layer, given, maps.shape[-1])
    large = np.stack([enlarged(each, centres, x.shape[-1]) for each in maps])
    low, high = large.min(axis=(1, 2), keepdims=True), large.max(axis=(1, 2), keepdims=True)
    # A channel that is the same everywhere says nothing of a place (its mask would be 0 / 0).
    return np.asarray((large - low) / np.where(high > low, high - low, 1.0))


def _weighed(subject: Subject, view: View, target: int, maps: Float, window: tuple[int, int]) -> Float:
    a, b = window
    base = baseline_of(view, "zero")[..., a:b]
    rows = view.rows(view.x)[:, a:b]
    masked = np.repeat(base[None], len(maps), axis=0)
    # A map with leads masks each row by its own, one without masks all rows alike.
    mask = maps if maps.shape[1] in (1, len(rows)) else maps.mean(axis=1, keepdims=True)
    view.rows(masked)[:] = mask * rows
    import torch

    answers = []
    with undisturbed(subject.network) as network, torch.no_grad():
        for start in range(0, len(masked), 32):
            part = torch.from_numpy(masked[start : start + 32])
            person = None if view.extra is None else torch.from_numpy(view.extra).expand(len(part), -1)
            answers.append(network(part, person)[:, target].double().numpy())
    rise = np.concatenate(answers)
    weight = np.exp(rise - rise.max())  # the baseline's logit is the same for all and drops out of the softmax
    cam = np.tensordot(weight / weight.sum(), maps, axes=1)
    return np.asarray(cam if len(cam) == len(view.leads) else cam.mean(axis=0, keepdims=True))
