"""Explanations of image networks: the same methods on the picture of a page, laid back on the page's own pixels.

Grad-CAM is grad-cam's library, Integrated Gradients and saliency are captum's; papers stand with the signal methods. Of
the three colours the sum (signed maps) or the largest size (others) is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.images.area import MARGIN_MM, seen_of
from classify.inputs import InputSpec, from_pictures
from classify.labels import find_task
from classify.vision import torchvision
from digitize.result import Digitization
from ecg.errors import ModelError, OptionsError
from explain.answers import answer_to, explanation_of
from explain.colours import normalised, tinted
from explain.gradcam import layer_of, scaled
from explain.guided import guided_gradient
from explain.methods import ExplainOptions, find_method
from explain.result import Explanation, Map
from explain.subject import Subject, undisturbed

__all__ = ["PICTURE_METHODS", "PictureView", "draw_picture", "explain_page", "picture_view", "trust_page"]

Float32 = NDArray[np.float32]

#: Patches a side that occlusion and deletion take away: the cells of the last maps of most networks at 224 pixels are
#: 32 wide; half of that.
_PATCHES = 14
#: As for signals, see `explain.gradients`.
_FIRST_STEPS, _MOST_STEPS, _LEAST_DELTA, _BATCH = 32, 500, 0.01, 8


@dataclass(frozen=True, eq=False)
class PictureView:
    """What an image network sees of a page.

    Parameters
    ----------
    x : float32 array [channels, height, width]
    spec : InputSpec
    reading : Digitization
    """

    x: Float32
    spec: InputSpec
    reading: Digitization

    @property
    def paper(self) -> Float32:
        """Usual colour of the picture [channels, 1, 1], in the network's scale."""
        return np.asarray(np.median(self.x, axis=(1, 2), keepdims=True), dtype=np.float32)

    def on_page(self, values: NDArray[np.floating]) -> Float32:
        """Lay a map of the picture on the page as it came.

        Parameters
        ----------
        values : float array [height, width]

        Returns
        -------
        float32 array [page height, page width]
            0 outside what the network saw.
        """
        import cv2

        across, down = _source(self.reading, self.spec)
        out = cv2.remap(
            np.asarray(values, dtype=np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        return np.asarray(out, dtype=np.float32)


def picture_view(reading: Digitization, spec: InputSpec) -> PictureView:
    """Make an image network's input from a reading.

    Parameters
    ----------
    reading : Digitization
    spec : InputSpec

    Returns
    -------
    PictureView

    Raises
    ------
    ModelError
        If the model takes records.
    DigitizationError
        If the page was not read and the model sees its recording alone.
    """
    if spec.kind != "page":
        raise ModelError("this model takes records, got a page; explain the record that was read from it")
    return PictureView(from_pictures(seen_of(reading.page, reading, spec)[None], spec)[0], spec, reading)


def _source(reading: Digitization, spec: InputSpec) -> tuple[Float32, Float32]:
    """For every pixel of the page, where in the network's picture it is seen (x and y), as `cv2.remap` wants it."""
    height, width = reading.page.image.shape[:2]
    if spec.area == "whole":
        low, size = np.zeros(2), np.array([width, height], dtype=np.float64)
        at = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    else:
        if reading.scale is None:
            raise OptionsError("an explanation is drawn on a page that was read; this one has no scale")
        edges, margin = np.array([box.xyxy for box in reading.boxes]), MARGIN_MM * reading.scale.px_per_mm_x
        low, high = edges[:, :2].min(axis=0) - margin, edges[:, 2:].max(axis=0) + margin
        size, at = np.maximum(np.ceil(high - low), 1), _upright(reading)
    _, rows, columns = spec.picture
    zoom = np.array([columns, rows]) / size
    if spec.fit == "letterbox":
        zoom = np.full(2, zoom.min())
    shift = np.floor((np.array([columns, rows]) - np.maximum(1, np.rint(zoom * size))) / 2)
    # The middle of the first pixel stays the middle of the first share of it.
    placed = (at - low + 0.5) * zoom - 0.5 + shift
    return placed[..., 0].astype(np.float32), placed[..., 1].astype(np.float32)


def _upright(reading: Digitization) -> NDArray[np.float64]:
    """Where every pixel of the page stands on the upright page [height, width, 2]."""
    height, width = reading.page.image.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    if reading.flattening is None:
        h = np.eye(3) if reading.homography is None else reading.homography
        moved = np.concatenate([grid, np.ones((*grid.shape[:2], 1))], axis=-1) @ h.T
        return np.asarray(moved[..., :2] / moved[..., 2:])
    return _through_lattice(reading, grid[::_COARSE, ::_COARSE])


#: Pixels of the page between points at which the inverse of a curled sheet's map is worked out; it is smooth.
_COARSE = 8


def _through_lattice(reading: Digitization, coarse: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2
    from scipy.interpolate import LinearNDInterpolator

    from digitize.dewarp import picture_points

    flat = reading.flattening
    assert flat is not None  # noqa: S101 - the caller has asked
    width, height = flat.size if flat.quarters % 2 == 0 else flat.size[::-1]
    steps = [np.linspace(0, side - 1, max(2, round(side / (2 * flat.step_px)))) for side in (width, height)]
    points = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 2)
    there = picture_points(flat, points)
    found = LinearNDInterpolator(there, points, fill_value=-1e6)(coarse)
    rows, columns = reading.page.image.shape[:2]
    large = [cv2.resize(found[..., k], (columns, rows), interpolation=cv2.INTER_LINEAR) for k in (0, 1)]
    return np.stack(large, axis=-1)


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
    torchvision()
    import torch
    from captum.attr import IntegratedGradients

    score, x = subject.scorer(target), torch.from_numpy(view.x[None])
    colour = view.paper if options.baseline != "zero" else np.zeros_like(view.paper)
    base = torch.from_numpy(np.broadcast_to(colour, view.x.shape)[None].copy())
    steps, spent = _FIRST_STEPS, 0
    with undisturbed(subject.network):
        with torch.no_grad():
            wanted = float(score(x) - score(base))
        method = IntegratedGradients(score)
        while True:
            found = method.attribute(x, base, n_steps=steps, internal_batch_size=_BATCH).detach().numpy()[0]
            spent += steps
            delta = abs(float(found.sum(dtype=np.float64)) - wanted) / max(abs(wanted), 1e-6)
            if delta <= _LEAST_DELTA or steps >= _MOST_STEPS:
                break
            steps = min(2 * steps, _MOST_STEPS)
    note = () if delta <= _LEAST_DELTA else (f"Integrated Gradients is {100 * delta:.1f} % off after {steps} steps",)
    return Map(found.sum(axis=0).astype(np.float32), delta, spent, note)


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


def _patches(view: PictureView) -> NDArray[np.intp]:
    """Tell for every pixel the number of its patch, [height, width]."""
    _, height, width = view.x.shape
    down, across = (np.arange(n) * _PATCHES // n for n in (height, width))
    return np.asarray(down[:, None] * _PATCHES + across)


def _without(view: PictureView, gone: NDArray[np.bool_]) -> Float32:
    """Pictures whose patches [n, patches] are paper."""
    mask = gone[:, _patches(view)][:, None]
    return np.where(mask, view.paper, view.x).astype(np.float32)


def _occlusion(subject: Subject, view: PictureView, target: int, _options: ExplainOptions) -> Map:
    count = _PATCHES**2
    before = subject.logits(view.x[None], target)[0]
    falls = np.concatenate(
        [
            before - subject.logits(_without(view, np.eye(count, dtype=bool)[k : k + _BATCH]), target)
            for k in range(0, count, _BATCH)
        ]
    )
    patches = _patches(view)
    area = np.bincount(patches.ravel(), minlength=count)
    return Map((falls / area)[patches].astype(np.float32), steps=count + 1)


def _random(_subject: Subject, view: PictureView, _target: int, options: ExplainOptions) -> Map:
    import cv2

    drawn = np.random.default_rng(options.seed).uniform(0, 1, (_PATCHES, _PATCHES)).astype(np.float32)
    size = view.x.shape[2], view.x.shape[1]
    return Map(np.clip(cv2.resize(drawn, size, interpolation=cv2.INTER_LINEAR), 0, 1))


#: Every method on pictures, by the names of `explain.methods.METHODS`.
PICTURE_METHODS: Mapping[str, Callable[[Subject, PictureView, int, ExplainOptions], Map]] = MappingProxyType(
    {
        "gradcam": _grad_cam,
        "guided_gradcam": _guided_grad_cam,
        "saliency": _saliency,
        "integrated_gradients": _integrated,
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
    task, method = find_task(options.task), find_method(options.method)
    view = picture_view(reading, subject.classifier.spec)
    answer = answer_to(subject, view.x, None, task, options.target)
    began = time.perf_counter()
    found = PICTURE_METHODS[method.name](subject, view, answer.output, options)
    seconds = time.perf_counter() - began
    return explanation_of(
        subject,
        answer,
        found,
        view.on_page(found.values),
        method=method.name,
        baseline=options.baseline if method.baselines else "",
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


def trust_page(
    subject: Subject, view: PictureView, found: Explanation, seed: int = 0, controls: int = 3
) -> dict[str, float]:
    """Tell how an explanation of a page fares against random orders of its patches; as `explain.faithfulness.trust`."""
    rng, target = np.random.default_rng(seed), subject.target(find_task(found.task), found.target)
    height = np.bincount(_patches(view).ravel(), found.on_input.ravel().astype(np.float64))
    shares = np.linspace(0, 1, 11)

    def areas(order: NDArray[np.intp]) -> tuple[float, float]:
        kept = []
        for ranking in (order, order[::-1]):
            gone = np.zeros((shares.size, height.size), dtype=bool)
            for row, share in zip(gone, shares, strict=True):
                row[ranking[: round(share * height.size)]] = True
            z = subject.logits(_without(view, gone), target)
            kept.append(float(np.trapezoid(0.5 * (1 + np.tanh(z / 2)), shares)))
        return kept[0], kept[1]

    own = areas(np.argsort(-height, kind="stable"))
    others = [areas(rng.permutation(height.size)) for _ in range(controls)]
    return {
        "deletion": own[0],
        "insertion": own[1],
        "deletion_random": float(np.mean([a for a, _ in others])),
        "insertion_random": float(np.mean([b for _, b in others])),
        "better_than_random": float(np.mean([own[0] < a for a, _ in others])),
    }
