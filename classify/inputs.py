"""From a record to what a classifier takes in: the only place where that happens, in training and prediction alike.

What goes in is said by an `InputSpec`, which stands on the model's card. Six kinds are known:

- ``leads``: leads as rows at one rate, each scaled; what the published networks take.
- ``paper``: eight independent leads (I, II, V1 to V6) and, for each, where it is present. The other four limb leads
  follow from I and II (Einthoven, Goldberger), so a page and a record, whatever is missing, look alike.
- ``beat``: the median beat of each lead (Riek et al., arXiv 2405.09567).
- ``features``: rate, intervals and amplitudes, for trees.
- ``patterns``: these and the relations between them (`classify.patterns`).
- ``page``: a picture of a page, cut by `classify.images.area`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.morphology import BEAT_SAMPLES, FEATURES, feature_vector, median_beat
from classify.patterns import PATTERNS, pattern_vector
from classify.resampling import resampled
from ecg.errors import ModelError
from ecg.record import LEADS, ECGRecord, complete_limb_leads, resample, select

__all__ = ["INDEPENDENT_LEADS", "InputSpec", "from_pictures", "from_signals", "to_extra", "to_input"]

#: Leads that no others determine; the four remaining limb leads follow from I and II.
INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
#: Slowest record that is taken, in Hz: slower ones lack what networks at 100 Hz were trained on. Half a percent is the
#: error of a recorder's clock at most.
_LEAST_FS = 99.5
#: Added to the standard deviation in a z-score (as published, without unit there; mV here).
_EPSILON = 1e-8
#: Amplitude in mV beyond which a lead is cut off: no QRS is taller, electrodes that come off are.
_CLIP_MV = 5.0

#: Means and standard deviations of ImageNet's red, green and blue, on a scale from 0 to 1 (torchvision's and timm's).
_IMAGENET_MEAN, _IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Kind = Literal["leads", "paper", "beat", "features", "patterns", "page"]
Normalisation = Literal["zscore", "scale", "maximum", "median", "none", "imagenet"]


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a model takes in.

    Parameters
    ----------
    kind : str
        ``"leads"``, ``"paper"``, ``"beat"``, ``"features"``, ``"patterns"`` or ``"page"``.
    leads : tuple of str
        In the order of the rows.
    fs : float
        Rate in Hz; 0 for a picture.
    seconds : float
        Longer records are cut to their first seconds, shorter ones stand at the start with nothing after them.
    normalise : str
        ``"zscore"`` per lead; ``"scale"``: divided by `scale_mv`; ``"median"``: each lead minus its median, in mV,
        within 5 mV; ``"maximum"``: each lead divided by its largest absolute value; ``"none"``; ``"imagenet"``: each
        channel of a picture minus ImageNet's mean, over its standard deviation.
    scale_mv : float
        What ``"scale"`` divides by, in mV.
    presence : bool
        One more row a lead: 1 where it is present, 0 elsewhere.
    demographics : bool
        Whether age and sex go in beside the signal, see `to_extra`.
    picture : tuple of 3 int
        Channels (1: grey, 3: RGB), height and width of a picture in pixels.
    area : str
        What of a page is seen: ``"grid"``, the recording alone, as the digitizer finds it, or ``"whole"``.
    fit : str
        How it is brought to size: ``"letterbox"`` keeps the aspect and fills up with paper, ``"stretch"`` does not.

    Raises
    ------
    ModelError
        If a value is outside its range.
    """

    kind: Kind
    leads: tuple[str, ...] = LEADS
    fs: float
    seconds: float
    normalise: Normalisation
    scale_mv: float = 1.0
    presence: bool = False
    demographics: bool = False
    picture: tuple[int, ...] = ()
    area: Literal["grid", "whole"] = "grid"
    fit: Literal["letterbox", "stretch"] = "letterbox"

    def __post_init__(self) -> None:
        object.__setattr__(self, "leads", tuple(self.leads))
        object.__setattr__(self, "picture", tuple(self.picture))
        kinds = {"leads": ("zscore", "scale"), "paper": ("median",), "beat": ("maximum",), "features": ("none",)}
        kinds |= {"patterns": ("none",), "page": ("imagenet",)}
        if self.kind not in kinds:
            raise ModelError(f"an input is of kind {', '.join(kinds)}, got {self.kind!r}; the model's card is damaged")
        if self.normalise not in kinds[self.kind]:
            raise ModelError(
                f"an input of kind {self.kind} is normalised by {' or '.join(kinds[self.kind])}, "
                f"got {self.normalise!r}; the model's card is damaged"
            )
        if self.kind == "page":
            self._check_picture()
        elif not self.leads or not (self.fs > 0 and self.seconds > 0 and self.scale_mv > 0):
            raise ModelError("an input has leads and a positive rate, length and scale; the model's card is damaged")

    def _check_picture(self) -> None:
        if len(self.picture) != 3 or self.picture[0] not in (1, 3) or min(self.picture) < 1:
            raise ModelError(f"a picture has 1 or 3 channels, a height and a width, got {self.picture}")
        if self.area not in ("grid", "whole") or self.fit not in ("letterbox", "stretch"):
            raise ModelError(
                f"a page shows its grid or the whole, as letterbox or stretch, got {self.area!r} and {self.fit!r}"
            )

    @property
    def n_samples(self) -> int:
        """Samples a row."""
        return round(self.fs * self.seconds)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: [rows, samples], [1, leads, samples] of a beat, [features], [channels, height, width]."""
        if self.kind == "page":
            return self.picture
        if self.kind in ("features", "patterns"):
            return (len(FEATURES if self.kind == "features" else PATTERNS),)
        if self.kind == "beat":
            return (1, len(self.leads), self.n_samples)
        return (len(self.leads) * (2 if self.presence else 1), self.n_samples)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for a model's card."""
        content = {**asdict(self), "leads": list(self.leads), "picture": list(self.picture)}
        if self.kind != "page":
            return {name: value for name, value in content.items() if name not in ("picture", "area", "fit")}
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> InputSpec:
        """Spec of a model's card; raises ModelError if a field is unknown or missing."""
        known = {f.name for f in fields(cls)}
        if odd := sorted(set(content) - known):
            raise ModelError(f"the card's input_spec has the unknown field {odd[0]}; update the program")
        if lost := sorted({"kind", "fs", "seconds", "normalise"} - set(content)):
            raise ModelError(f"the card's input_spec lacks the field {lost[0]}; fetch the model again")
        try:
            return cls(**content)
        except TypeError as error:
            raise ModelError(
                f"the card's input_spec holds a value of the wrong type ({error}); fetch it again"
            ) from error


def to_input(record: ECGRecord, spec: InputSpec) -> NDArray[np.float32]:
    """Input of a model from a record.

    Parameters
    ----------
    record : ECGRecord
        Any leads in any order, at 100 Hz or faster, NaN where missing.
    spec : InputSpec

    Returns
    -------
    float32 array of shape `InputSpec.shape`, finite (features: NaN where not measurable).

    Raises
    ------
    ModelError
        If the record is too slow, a lead that the model needs is missing throughout, no beat is found where beats
        are needed, or the model takes pictures.
    """
    out: NDArray[np.float32] = from_signals(record.signal[None], record.leads, record.fs, spec)[0]
    return out


def from_signals(
    signals: NDArray[np.floating], leads: Sequence[str], fs: float, spec: InputSpec
) -> NDArray[np.float32]:
    """Make inputs from many records of the same leads, rate and length.

    Parameters
    ----------
    signals : float array [records, leads, samples]
        mV, NaN where missing.
    leads : sequence of str
    fs : float
        Hz.
    spec : InputSpec

    Returns
    -------
    float32 array [records, *InputSpec.shape]

    Raises
    ------
    ModelError
        As `to_input`.
    """
    if spec.kind == "page":
        raise ModelError("this model takes pictures of pages, got a record; give a page, or choose another model")
    if fs < _LEAST_FS:
        raise ModelError(f"models need records of at least 100 Hz, got {fs:g} Hz; record faster")
    signals = signals.astype(np.float32, copy=False)  # sums of float16 would be rounded to it
    if spec.kind in ("beat", "features", "patterns"):
        make = {"beat": _beat, "features": _features, "patterns": _patterns}[spec.kind]
        return np.stack([make(ECGRecord(x, fs, tuple(leads)), spec) for x in signals])
    x = _placed(resampled(_chosen(signals, tuple(leads), fs, spec), fs, spec.fs), spec)
    if spec.kind == "paper":
        return _paper(x, spec)
    return _leads(x, spec)


def from_pictures(pictures: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Make inputs from pictures of one size.

    Parameters
    ----------
    pictures : uint8 array [n, height, width] or [n, height, width, 3]
        Grey, or RGB; cut by `classify.images.area`. Another size than the model's is resized, by area where it shrinks.
    spec : InputSpec
        Of kind ``"page"``.

    Returns
    -------
    float32 array [n, channels, height, width]

    Raises
    ------
    ModelError
        If the model takes no pictures.

    Examples
    --------
    >>> spec = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(3, 2, 2))
    >>> np.allclose(from_pictures(np.full((1, 4, 4), 255, np.uint8), spec)[0, :, 0, 0], [2.2489, 2.4286, 2.64], 1e-4)
    True
    """
    if spec.kind != "page":
        raise ModelError("this model takes records, got pictures; choose an image model")
    channels, height, width = spec.picture
    mean, sd = (np.array(values, np.float32) for values in (_IMAGENET_MEAN, _IMAGENET_SD))
    if channels == 1:
        mean, sd = mean.mean(keepdims=True), sd.mean(keepdims=True)
    out = np.empty((len(pictures), channels, height, width), np.float32)
    for row, picture in zip(out, pictures, strict=True):
        row[:] = _sized(picture, channels, height, width)
    out *= (1 / 255 / sd)[:, None, None]
    out -= (mean / sd)[:, None, None]
    return out


def _sized(picture: NDArray[np.uint8], channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """Bring a picture to [channels or 1, height, width]."""
    import cv2

    if channels == 1 and picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if picture.shape[:2] != (height, width):
        how = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width, height), interpolation=how)
    return picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)


def _chosen(signals: NDArray[np.floating], leads: tuple[str, ...], fs: float, spec: InputSpec) -> NDArray[np.floating]:
    """Rows that the model takes, limb leads completed by their algebra."""
    rows = [leads.index(lead) for lead in spec.leads if lead in leads]
    if len(rows) == len(spec.leads):
        x = signals[:, rows]
        if np.isfinite(x).all():
            return x
    if spec.kind == "paper":
        # Each lead of a page has a level of its own, which a sum of two would carry into stretches of a third.
        signals = signals - _middle(signals)
    return np.stack([select(complete_limb_leads(ECGRecord(s, fs, leads)), spec.leads).signal for s in signals])


def _middle(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Median over the last axis, of what is present; 0 where nothing is."""
    present = np.isfinite(x)
    out: NDArray[np.floating]
    if present.all():  # many times faster
        out = np.median(x, axis=-1, keepdims=True)
    else:
        out = np.nanmedian(np.where(present.any(axis=-1, keepdims=True), x, 0), axis=-1, keepdims=True)
    return out


def _placed(x: NDArray[np.float32], spec: InputSpec) -> NDArray[np.float32]:
    """Cut to the model's length, or filled up with missing samples behind."""
    if x.shape[-1] == spec.n_samples:
        return x
    out = np.full((*x.shape[:-1], spec.n_samples), np.nan, dtype=np.float32)
    n = min(x.shape[-1], spec.n_samples)
    out[..., :n] = x[..., :n]
    return out


def _leads(x: NDArray[np.float32], spec: InputSpec) -> NDArray[np.float32]:
    """Rows scaled over what is present, missing samples at the lead's mean."""
    present = np.isfinite(x)
    empty = ~present.any(axis=-1)
    if empty.any():
        lost = [spec.leads[row] for row in np.flatnonzero(empty.any(axis=0))]
        raise ModelError(f"this model needs the leads {', '.join(spec.leads)}; the record lacks {', '.join(lost)}")
    n = present.sum(axis=-1, keepdims=True)
    zeroed = np.where(present, x, 0).astype(np.float64)
    mean = zeroed.sum(axis=-1, keepdims=True) / n
    if spec.normalise == "scale":
        y = np.where(present, x / spec.scale_mv, mean / spec.scale_mv)
    else:
        centred = np.where(present, zeroed - mean, 0)
        y = centred / (np.sqrt((centred**2).sum(axis=-1, keepdims=True) / n) + _EPSILON)
    return _with_presence(y.astype(np.float32), present, spec)


def _paper(x: NDArray[np.float32], spec: InputSpec) -> NDArray[np.float32]:
    """Each lead from its own median over the seconds present, because paper has no zero line."""
    present = np.isfinite(x)
    if not present.any(axis=(-2, -1)).all():
        raise ModelError(f"this model needs some of the leads {', '.join(spec.leads)}; the record has none of them")
    y = np.where(present, np.clip(x - _middle(x), -_CLIP_MV, _CLIP_MV), 0).astype(np.float32)
    return _with_presence(y, present, spec)


def _with_presence(y: NDArray[np.float32], present: NDArray[np.bool_], spec: InputSpec) -> NDArray[np.float32]:
    return np.concatenate([y, present.astype(np.float32)], axis=-2) if spec.presence else y


def _beat(record: ECGRecord, spec: InputSpec) -> NDArray[np.float32]:
    """Median beat, resampled by its Fourier series, each lead over its largest value; absent leads 0 (as published)."""
    from scipy.signal import resample

    beat = median_beat(select(complete_limb_leads(record), spec.leads))
    if beat is None:
        raise ModelError("this model needs a median beat; no heart beat was found in the record")
    filled = np.where(np.isfinite(beat), beat, 0)
    y = filled if spec.n_samples == BEAT_SAMPLES else resample(filled, spec.n_samples, axis=-1)
    largest = np.abs(y).max(axis=-1, keepdims=True)
    out: NDArray[np.float32] = (y / np.where(largest == 0, 1, largest))[None].astype(np.float32)
    return out


def _features(record: ECGRecord, spec: InputSpec) -> NDArray[np.float32]:
    return feature_vector(select(complete_limb_leads(record), spec.leads))


def _patterns(record: ECGRecord, spec: InputSpec) -> NDArray[np.float32]:
    # At the model's rate and length, at which the pages were kept that it learnt from.
    cut = ECGRecord(record.signal[:, : round(spec.seconds * record.fs)], record.fs, record.leads)
    found = pattern_vector(resample(select(complete_limb_leads(cut), spec.leads), spec.fs))
    if not np.isfinite(found).any():
        raise ModelError("this model needs heart beats; none was found in the record")
    return found


def to_extra(age: float | None, sex: str | None) -> NDArray[np.float32]:
    """Age and sex as numbers, with masks that say whether they are known.

    Parameters
    ----------
    age : float or None
        Years.
    sex : str or None
        ``"M"`` or ``"F"``.

    Returns
    -------
    float32 array [4]
        Age in centuries, 1 if it is known, 1 for male, 1 if sex is known; 0 where unknown.

    Raises
    ------
    ModelError
        If the age is not between 0 and 130 or the sex is neither.

    Examples
    --------
    >>> to_extra(60, "M").tolist() == [np.float32(0.6), 1, 1, 1], to_extra(None, None).tolist()
    (True, [0.0, 0.0, 0.0, 0.0])
    """
    if age is not None and not 0 <= age <= 130:
        raise ModelError(f"age must be between 0 and 130 years, got {age!r}; leave it out where it is unknown")
    if sex not in (None, "M", "F"):
        raise ModelError(f"sex must be M or F, got {sex!r}; leave it out where it is unknown")
    known = age is not None
    return np.array([(age or 0) / 100, known, sex == "M", sex is not None], dtype=np.float32)
