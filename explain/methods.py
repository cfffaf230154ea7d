"""Every method of explanation by its name, and the one function that runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.inputs import to_extra
from classify.labels import find_task
from classify.models import ModelEntry
from classify.predict import Prediction
from ecg.errors import ModelError, OptionsError
from ecg.options import nearest
from ecg.record import ECGRecord
from explain.anatomy import WAVES, shown_on, wave_labels
from explain.answers import answer_to, explanation_of
from explain.gradcam import grad_cam, guided_grad_cam
from explain.gradients import guided_input, integrated_gradients, integrated_smooth, saliency
from explain.occlusion import occlusion
from explain.result import Explanation, Map
from explain.scorecam import score_cam
from explain.subject import Subject
from explain.view import View, view_of

__all__ = [
    "BASELINES",
    "DEFAULT_METHOD",
    "METHODS",
    "ExplainOptions",
    "Method",
    "default_method",
    "explain",
    "find_method",
    "supported",
    "view_for",
]

Float32 = NDArray[np.float32]

#: The method that did best on the shipped models, see docs/explanations.md, and for labels of rhythm another one, but
#: not on one lead: on 29 drawn records with premature beats it fell no faster there than by chance.
DEFAULT_METHOD = "integrated_smooth"
_DEFAULT_OF_LABEL = MappingProxyType({"HB": "guided_input"})
#: Of image networks: of the methods under a second the one that deletion bears out on every shipped one; Grad-CAM did
#: no better than chance on the four-class network.
_DEFAULT_OF_PICTURES = "integrated_smooth"
#: ``zero``, as published; ``flat``, every lead at its own median, or of a picture blank paper (``paper`` is the same).
BASELINES = ("zero", "flat", "paper")
#: Seconds between the knots of a random map: about what one column of a network's last layer covers, so that the
#: control is no rougher than the maps that it is compared with.
_KNOT_S = 0.16


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of explanation.

    Parameters
    ----------
    name : str
    run : callable
        ``run(subject, view, target, options)`` gives a `Map`.
    gradients : bool
        Whether it needs a network; trees support the others only.
    signed : bool
        Whether negative values speak against the target.
    baselines : tuple of str
        What it can start from; empty where it has no baseline.
    source : str
        Where it was published.
    """

    name: str
    run: Callable[[Subject, View, int, ExplainOptions], Map]
    gradients: bool
    signed: bool = False
    baselines: tuple[str, ...] = ()
    source: str


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """What is asked.

    Parameters
    ----------
    task : str
    target : str
        Label to explain; empty for the one that stands highest over its threshold.
    method : str
        One of `METHODS`; empty for `default_method`.
    baseline : str
        For methods that start from one: one of `BASELINES`; empty for ``zero`` on leads and ``paper`` on pictures.
    age : float or None
        Years; else what the record says.
    sex : str or None
        ``"M"`` or ``"F"``; else what the record says.
    seed : int
        Of the random map.

    Raises
    ------
    OptionsError
        If one is unknown.
    """

    task: str = "superclass"
    target: str = ""
    method: str = ""
    baseline: str = ""
    age: float | None = None
    sex: Literal["M", "F"] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        labels = find_task(self.task).labels
        if self.target and self.target not in labels:
            raise OptionsError(
                f"the task {self.task} has no label {self.target!r}{nearest(self.target, labels)}; "
                f"choose one of {', '.join(labels)}"
            )
        if self.method:
            find_method(self.method)
        if self.baseline and self.baseline not in BASELINES:
            raise OptionsError(f"the baseline must be one of {', '.join(BASELINES)}, got {self.baseline!r}")


def find_method(name: str) -> Method:
    """Find the method of a name; raises OptionsError with the known names if there is none."""
    if name not in METHODS:
        raise OptionsError(f"there is no method {name!r}{nearest(name, METHODS)}; choose one of {', '.join(METHODS)}")
    return METHODS[name]


def default_method(entry: ModelEntry, target: str) -> str:
    """Name the method that suits a model and a label.

    Parameters
    ----------
    entry : ModelEntry
        Trees have no gradients; neither has a network where torch is not installed.
    target : str
        Label of a task.

    Returns
    -------
    str

    Examples
    --------
    >>> from classify.models import MODELS
    >>> [default_method(MODELS[name], "HB") for name in ("random_forest", "resnet1d_se", "lead_ii_cnn")]
    ['occlusion', 'guided_input', 'integrated_smooth']
    """
    if entry.kind != "network" or find_spec("torch") is None:
        return "occlusion"
    if entry.spec.kind == "page":
        return _DEFAULT_OF_PICTURES
    return DEFAULT_METHOD if len(entry.spec.leads) == 1 else _DEFAULT_OF_LABEL.get(target, DEFAULT_METHOD)


def supported(entry: ModelEntry) -> tuple[str, ...]:
    """Names of the methods that an architecture supports."""
    return tuple(m.name for m in METHODS.values() if entry.kind == "network" or not m.gradients)


def explain(
    subject: Subject,
    record: ECGRecord,
    options: ExplainOptions | None = None,
    prediction: Prediction | None = None,
    **changes: Any,
) -> Explanation:
    """Explain a model's answer for a record.

    Parameters
    ----------
    subject : Subject
        From `explain.subject.open_subject`.
    record : ECGRecord
        A digitized page is one too.
    options : ExplainOptions, optional
    prediction : Prediction, optional
        The answer as it was given; asked for anew without it.
    **changes
        Fields of `ExplainOptions`: ``method="gradcam"``.

    Returns
    -------
    Explanation

    Raises
    ------
    ModelError
        If the model does not answer the task, cannot take the record or does not support the method.
    OptionsError
        If an option is wrong.

    Examples
    --------
    >>> explain(open_subject("default"), record, task="mi", method="gradcam").leads[:2]  # doctest: +SKIP
    ('I', 'II')
    """
    try:
        options = replace(options or ExplainOptions(), **changes)
    except TypeError as error:
        raise OptionsError(f"unknown option of explain: {error}") from error
    if options.method and options.method not in supported(subject.entry):
        known = ", ".join(supported(subject.entry))
        raise ModelError(f"{subject.entry.name} does not support {options.method}; choose one of {known}")
    view = view_for(subject, record, options)
    answer = answer_to(subject, view.x, view.extra, find_task(options.task), options.target, prediction)
    method = find_method(options.method or default_method(subject.entry, answer.target))
    began = time.perf_counter()
    found = method.run(subject, view, answer.output, options)
    seconds = time.perf_counter() - began
    values, fs = _on_record(found, view)
    return explanation_of(
        subject,
        answer,
        found,
        values,
        method=method.name,
        baseline=(options.baseline or "zero") if method.baselines else "",
        signed=method.signed,
        seconds=seconds,
        leads=view.leads,
        fs=fs,
    )


def view_for(subject: Subject, record: ECGRecord, options: ExplainOptions) -> View:
    """Make what the model is shown of a record, with age and sex where it takes them."""
    return view_of(record, subject.classifier.spec, _person(subject, record, options))


def _person(subject: Subject, record: ECGRecord, options: ExplainOptions) -> Any:
    """Age and sex for models that take them, as `classify.predict` takes them."""
    if not subject.classifier.spec.demographics:
        return None
    age, sex = record.meta.get("age"), record.meta.get("sex")
    if not isinstance(age, (int, float)) or not 0 <= age <= 130:
        age = None
    told = options.sex or (sex if sex in ("M", "F") else None)
    return to_extra(age if options.age is None else options.age, told)


def _on_record(found: Map, view: View) -> tuple[np.ndarray[Any, Any], float]:
    if not view.of_features:
        return view.on_record(found.values), view.fs
    # Trees: what a wave of a lead weighs stands on every sample of that wave.
    fs = 100.0  # Hz; a rate to draw at
    n = round(view.record.duration_s * fs)
    labels, shown = wave_labels(view.record, fs, n, view.leads), shown_on(view.record, fs, n, view.leads)
    values = np.zeros(labels.shape, dtype=np.float32)
    for row in range(len(view.leads)):
        for k in range(len(WAVES)):
            here = (labels[row] == k) & shown[row]
            if here.any():
                values[row, here] = found.values[row, k] / here.sum()
    return values, fs


def _random(_subject: Subject, view: View, _target: int, options: ExplainOptions) -> Map:
    """Draw a map that knows nothing: uniform values between knots, the control of every test."""
    rng = np.random.default_rng(options.seed)
    if view.of_features:
        return Map(rng.uniform(0, 1, (len(view.leads), len(WAVES))).astype(np.float32))
    n = view.signal.shape[1]
    knots = np.arange(0, n + _KNOT_S * view.fs, _KNOT_S * view.fs)
    drawn = rng.uniform(0, 1, (len(view.leads), len(knots)))
    values = np.stack([np.interp(np.arange(n), knots, row) for row in drawn])
    return Map(np.where(view.shown, values, 0).astype(np.float32))


#: Every method by its name.
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        m.name: m
        for m in (
            Method(
                name="gradcam",
                run=lambda subject, view, target, _: grad_cam(subject, view, target),
                gradients=True,
                source="Selvaraju et al., ICCV 2017, DOI 10.1109/ICCV.2017.74",
            ),
            Method(
                name="guided_gradcam",
                run=lambda subject, view, target, _: guided_grad_cam(subject, view, target),
                gradients=True,
                source="Selvaraju et al. 2017; Springenberg et al. 2015, arXiv 1412.6806",
            ),
            Method(
                name="saliency",
                run=lambda subject, view, target, _: saliency(subject, view, target),
                gradients=True,
                source="Simonyan et al. 2014, arXiv 1312.6034",
            ),
            Method(
                name="integrated_gradients",
                run=lambda subject, view, target, o: integrated_gradients(subject, view, target, o.baseline or "zero"),
                gradients=True,
                signed=True,
                baselines=BASELINES,
                source="Sundararajan et al., ICML 2017, arXiv 1703.01365",
            ),
            Method(
                name="integrated_smooth",
                run=lambda subject, view, target, o: integrated_smooth(subject, view, target, o.baseline or "zero"),
                gradients=True,
                signed=True,
                baselines=BASELINES,
                source="Sundararajan et al. 2017, in 32 steps and spread over 70 ms",
            ),
            Method(
                name="guided_input",
                run=lambda subject, view, target, o: guided_input(subject, view, target, o.baseline or "zero"),
                gradients=True,
                signed=True,
                baselines=BASELINES,
                source="Springenberg et al. 2015, arXiv 1412.6806; Shrikumar et al. 2016, arXiv 1605.01713",
            ),
            Method(
                name="scorecam",
                run=lambda subject, view, target, _: score_cam(subject, view, target),
                gradients=True,
                source="Wang et al., CVPR workshops 2020, DOI 10.1109/CVPRW50498.2020.00020",
            ),
            Method(
                name="occlusion",
                run=lambda subject, view, target, _: occlusion(subject, view, target),
                gradients=False,
                signed=True,
                source="Zeiler & Fergus, ECCV 2014, DOI 10.1007/978-3-319-10590-1_53",
            ),
            Method(name="random", run=_random, gradients=False, source="the control of every test"),
        )
    }
)
