"""Explanations of image networks: the same methods on the picture of a page, laid back on the page's own pixels.

Grad-CAM is grad-cam's library, Integrated Gradients and saliency are captum's; papers stand with the signal methods. Of
the colours the sum (signed maps) or the largest size (others) is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.labels import find_task
from classify.vision import torchvision
from digitize.result import Digitization
from explain.answers import answer_to, explanation_of
from explain.colours import normalised, tinted
from explain.faithfulness import Curves, probability_of, removals
from explain.gradcam import layer_of, scaled
from explain.guided import guided_gradient
from explain.methods import ExplainOptions, default_method, find_method
from explain.picture_view import PATCHES, PictureView, patches, picture_view, without
from explain.result import Explanation, Map
from explain.subject import Subject, undisturbed

__all__ = ["PICTURE_METHODS", "draw_picture", "explain_page", "picture_curves"]

Float32 = NDArray[np.float32]

#: As for signals, see `explain.gradients`.
_FIRST_STEPS, _MOST_STEPS, _LEAST_DELTA, _BATCH = 32, 500, 0.01, 8
#: Steps of `integrated_smooth`: 8 did as well as 16 (area gained by deletion 0.15 and 0.12 on 10 drawn pages of the
#: four-class network, 0.22 and 0.24 on 7 of PTB-XL's) in half the time.
_SMOOTH_STEPS = 8
#: Standard deviation of its spreading, as a share of the picture's height: 2 of 192 pixels, 1.4 mm of paper. By 7
#: pixels, from one square into the next, the area gained fell from 0.12 to 0.05 (four pages).
_SPREAD = 1 / 96


def _grad_cam(subject: Subject, view: PictureView, target: int, _options: ExplainOptions) -> Map:
    torchvision()
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network = subject.network
    grads = [(p, p.grad) for p in network.parameters()]
    with undisturbed(network), torch.enable_grad(), GradCAM(network, [layer_of(subject)]) as method:
        found = method(torch.from_numpy(view.x[None]), [ClassifierOutputTarget(target)])[0]
    for parameter, grad in grads:
        parameter.grad = grad  # the library goes backward through the weights too
    return Map(np.nan_to_num(np.asarray(found, dtype=np.float32)), steps=1)


def _guided_grad_cam(subject: Subject, view: PictureView, target: int, options: ExplainOptions) -> Map:
    import torch

    guided = guided_gradient(subject, torch.from_numpy(view.x[None]), subject.scorer(target)).numpy()[0]
    return Map(scaled(np.abs(guided).max(axis=0) * _grad_cam(subject, view, target, options).values), steps=2)


def _saliency(subject: Subject, view: PictureView, target: int, _options: ExplainOptions) -> Map:
    torchvision()
    import torch
    from captum.attr import Saliency

    x = torch.from_numpy(view.x[None].copy()).requires_grad_(True)
    with undisturbed(subject.network):
        found = Saliency(subject.scorer(target)).attribute(x)
    return Map(found.detach().numpy()[0].max(axis=0), steps=1)


def _integrated(subject: Subject, view: PictureView, target: int, options: ExplainOptions) -> Map:
    steps, spent = _FIRST_STEPS, 0
    while True:
        values, delta = _integral(subject, view, target, options.baseline, steps)
        spent += steps
        if delta <= _LEAST_DELTA or steps >= _MOST_STEPS:
            break
        steps = min(2 * steps, _MOST_STEPS)
    note = () if delta <= _LEAST_DELTA else (f"Integrated Gradients is {100 * delta:.1f} % off after {steps} steps",)
    return Map(values, delta, spent, note)


def _integral(subject: Subject, view: PictureView, target: int, baseline: str, steps: int) -> tuple[Float32, float]:
    torchvision()
    import torch
    from captum.attr import IntegratedGradients

    base = _start(view, baseline)
    ends = subject.logits(np.stack([view.x, base]), target)
    wanted = float(ends[0] - ends[1])
    with undisturbed(subject.network):
        method = IntegratedGradients(subject.scorer(target))
        x, start = (torch.from_numpy(picture[None]) for picture in (view.x, base))
        found = method.attribute(x, start, n_steps=steps, internal_batch_size=_BATCH)
    values = found.detach().numpy()[0].sum(axis=0).astype(np.float32)
    return values, abs(float(values.sum(dtype=np.float64)) - wanted) / max(abs(wanted), 1e-6)


def _start(view: PictureView, baseline: str) -> Float32:
    """Picture without its ink: the colour of the paper, or 0, as published."""
    colour = np.zeros_like(view.paper) if baseline == "zero" else view.paper
    return np.broadcast_to(colour, view.x.shape).copy()


def _integrated_smooth(subject: Subject, view: PictureView, target: int, options: ExplainOptions) -> Map:
    values, delta = _integral(subject, view, target, options.baseline, _SMOOTH_STEPS)
    return Map(_spread(values), delta, _SMOOTH_STEPS)


def _guided_input(subject: Subject, view: PictureView, target: int, options: ExplainOptions) -> Map:
    import torch

    guided = guided_gradient(subject, torch.from_numpy(view.x[None]), subject.scorer(target)).numpy()[0]
    return Map(_spread((guided * (view.x - _start(view, options.baseline))).sum(axis=0)), steps=1)


def _spread(values: Float32) -> Float32:
    """Spread over the width of a trace and its surroundings; the sum stays."""
    import cv2

    sd = _SPREAD * values.shape[0]
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sd, borderType=cv2.BORDER_REFLECT), dtype=np.float32)


def _score_cam(subject: Subject, view: PictureView, target: int, _options: ExplainOptions) -> Map:
    """Score-CAM; grad-cam's own writes a progress bar to stderr, which a library must not."""
    import cv2
    import torch

    kept: list[Any] = []
    handle = layer_of(subject).register_forward_hook(lambda _module, _given, out: kept.append(out))
    try:
        with undisturbed(subject.network), torch.no_grad():
            subject.network(torch.from_numpy(view.x[None]))
    finally:
        handle.remove()
    size = view.x.shape[2], view.x.shape[1]
    maps = np.stack([cv2.resize(m, size, interpolation=cv2.INTER_LINEAR) for m in kept[0][0].float().numpy()])
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    maps = (maps - low) / np.where(high > low, high - low, 1)
    rise = np.concatenate(
        [
            subject.logits((maps[k : k + _BATCH, None] * view.x).astype(np.float32), target)
            for k in range(0, len(maps), _BATCH)
        ]
    )
    weight = np.exp(rise - rise.max())
    return Map(scaled(np.tensordot(weight / weight.sum(), maps, axes=1)), steps=len(maps) + 1)


def _occlusion(subject: Subject, view: PictureView, target: int, _options: ExplainOptions) -> Map:
    count = PATCHES**2
    before = subject.logits(view.x[None], target)[0]
    falls = np.concatenate(
        [
            before - subject.logits(without(view, np.eye(count, dtype=bool)[k : k + _BATCH]), target)
            for k in range(0, count, _BATCH)
        ]
    )
    number = patches(view)
    area = np.bincount(number.ravel(), minlength=count)
    return Map((falls / area)[number].astype(np.float32), steps=count + 1)


def _random(_subject: Subject, view: PictureView, _target: int, options: ExplainOptions) -> Map:
    import cv2

    drawn = np.random.default_rng(options.seed).uniform(0, 1, (PATCHES, PATCHES)).astype(np.float32)
    size = view.x.shape[2], view.x.shape[1]
    return Map(np.clip(cv2.resize(drawn, size, interpolation=cv2.INTER_LINEAR), 0, 1))


#: Every method on pictures, by the names of `explain.methods.METHODS`.
PICTURE_METHODS: Mapping[str, Callable[[Subject, PictureView, int, ExplainOptions], Map]] = MappingProxyType(
    {
        "gradcam": _grad_cam,
        "guided_gradcam": _guided_grad_cam,
        "saliency": _saliency,
        "integrated_gradients": _integrated,
        "integrated_smooth": _integrated_smooth,
        "guided_input": _guided_input,
        "scorecam": _score_cam,
        "occlusion": _occlusion,
        "random": _random,
    }
)


def explain_page(subject: Subject, reading: Digitization, options: ExplainOptions) -> Explanation:
    """Explain an image network's answer for a page.

    Parameters
    ----------
    subject : Subject
        Of a network whose input is a page.
    reading : Digitization
    options : ExplainOptions

    Returns
    -------
    Explanation
        `values` shaped as the page.

    Raises
    ------
    ModelError
        If the model takes records or does not answer the task.
    DigitizationError
        If the page was not read.
    """
    view = picture_view(reading, subject.classifier.spec)
    answer = answer_to(subject, view.x, None, find_task(options.task), options.target)
    method = find_method(options.method or default_method(subject.entry, answer.target))
    began = time.perf_counter()
    found = PICTURE_METHODS[method.name](subject, view, answer.output, options)
    seconds = time.perf_counter() - began
    return explanation_of(
        subject,
        answer,
        found,
        view.on_page(found.values),
        method=method.name,
        baseline=(options.baseline or "paper") if method.baselines else "",
        signed=method.signed,
        seconds=seconds,
    )


def draw_picture(reading: Digitization, explanation: Explanation) -> NDArray[np.uint8]:
    """Draw an explanation of a page over it.

    Parameters
    ----------
    reading : Digitization
    explanation : Explanation
        From `explain_page`.

    Returns
    -------
    uint8 array [height, width, 3]
        The page as it came, tinted: orange speaks for the target, blue against it.
    """
    return tinted(reading.page.image, normalised(explanation.values), strength=0.7)


def picture_curves(
    subject: Subject, view: PictureView, target: int, values: NDArray[np.floating], rng: np.random.Generator
) -> Curves:
    """Take away, and give back, the patches that a map points at; as `explain.faithfulness.curves`.

    Parameters
    ----------
    subject : Subject
    view : PictureView
    target : int
    values : float array [height, width]
        On the input.
    rng : numpy.random.Generator
        Orders patches of the same value.

    Returns
    -------
    Curves
        In steps of a tenth.
    """
    height = np.bincount(patches(view).ravel(), np.asarray(values, dtype=np.float64).ravel()).astype(np.float64)
    gone = removals(height, rng, np.linspace(0, 1, 11))
    p = np.concatenate(
        [probability_of(subject, without(view, part), target) for part in np.array_split(gone, 2)]  # bounds the memory
    )
    return Curves(p[:11], p[11:][::-1])
