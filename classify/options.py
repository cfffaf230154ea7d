"""How a classifier is trained, as options: the recipe of a publication, or ours, field by field."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ecg.errors import OptionsError

if TYPE_CHECKING:
    from classify.models.entry import ModelEntry

__all__ = ["PaperOptions", "TrainOptions", "recipe_values"]


@dataclass(frozen=True, kw_only=True)
class PaperOptions:
    """How much of paper a network sees while it learns; it acts on all leads of a record together.

    Parameters
    ----------
    share : float
        Share of the records of a batch that are shown as a page shows them: 0 never, 1 always.
    bank : str
        File of errors of pages really drawn and read (`classify.paper_noise`); empty for none.
    bank_share : float
        Share of the pages that take gain, offset, residual and gaps from the bank; the others take the figures below.
    gain_sd : float
        Standard deviation of a page's gain about 1: a reader's error of scale. Readings of drawn scans have 0.02-0.03.
    offset_mv : float
        Standard deviation of each lead's offset in mV: paper has no zero line.
    wander_mv : float
        Largest amplitude of each lead's slow wave (below 0.4 Hz) in mV.
    noise_mv : tuple of 2 floats
        Least and largest standard deviation of white noise in mV; the line of a pen is 0.03 mV wide.
    any_gain_sd : float
        Standard deviation of the logarithm of every record's gain, page or not: electrodes and bodies differ.
    lose_lead : float
        Chance of each lead to be missing, in half of the records, page or not.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    share: float = 0.0
    bank: str = ""
    bank_share: float = 0.5
    gain_sd: float = 0.03
    offset_mv: float = 0.02
    wander_mv: float = 0.03
    noise_mv: tuple[float, float] = (0.01, 0.03)
    any_gain_sd: float = 0.0
    lose_lead: float = 0.0

    def __post_init__(self) -> None:
        for name in ("share", "bank_share", "lose_lead"):
            _within(name, getattr(self, name), 0, 1)
        for name in ("gain_sd", "offset_mv", "wander_mv", "any_gain_sd"):
            _within(name, getattr(self, name), 0, 5)
        if not 0 <= self.noise_mv[0] <= self.noise_mv[1] <= 5:
            raise OptionsError(f"noise_mv is a range in mV from least to largest, got {self.noise_mv}")

    @property
    def acts(self) -> bool:
        """Whether anything is changed at all."""
        return bool(self.share or self.any_gain_sd or self.lose_lead)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a network is trained.

    Parameters
    ----------
    epochs, batch : int
    optimiser : str
        ``"adamw"``: weight decay on matrices alone (Loshchilov & Hutter, arXiv 1711.05101). ``"adam"``: decay added to
        the gradient of every weight, as the published recipes have it.
    lr : float
        Learning rate; the highest one of a one-cycle schedule.
    weight_decay : float
    schedule : str
        ``"one_cycle"``: up over the first `warm_up` of all steps, then down along a cosine. ``"plateau"``: halved when
        the validation loss has not fallen for `patience` epochs. ``"constant"``.
    warm_up : float
        Share of the steps.
    warm_lr : float or None
        Rate of the first epoch of the other schedules, where it differs.
    patience : int
        Epochs without a lower validation loss before the rate is halved.
    stop_after : int
        Epochs without a lower validation loss before training stops; 0 trains to the end.
    clip : float
        Largest norm of the gradient; 0 for no limit.
    ema : float
        Decay a step of the averaged weights that are kept; 0 keeps the weights themselves.
    mixup : float
        Parameter of the Beta distribution of the share that two records are mixed with (Zhang et al., ICLR 2018,
        arXiv 1710.09412); 0 for none.
    crop_s : float or None
        Random stretch of so many seconds for each record, all leads together.
    pooled : str
        ``"whole"``: a record is predicted at once, whatever the crops. ``"mean"``, ``"max"``: windows of `crop_s`, half
        of it apart, are, and their logits joined.
    balanced : bool
        Epochs of as many positives as negatives, the surplus left out (one binary task).
    auxiliary : bool
        Learn every statement that 20 training records carry, age and sex beside the tasks: more to learn from the same
        records. These outputs are cut off when the model is kept.
    hide_person : float
        Chance that a record's age and sex, each by itself, are not told: a network that takes them has to do without.
    teachers : tuple of str
        Models whose mean probability is learnt beside the truth (Hinton et al., arXiv 1503.02531).
    distil : float
        Weight of the teachers, 0 to 1; the truth has the rest.
    lessons : str
        What the teachers answer: ``"records"``, each training record once and whole, or ``"batches"``, whatever the
        student is shown, as it was mixed and cut (`classify.teaching.Teacher`).
    share : float
        Share of the training patients that are used.
    start : str
        Weights that the network starts from (`classify.images.backbones.load_start`): ``"imagenet"``, a file, or a
        model by folder, URL or name; empty for none.
    blend : float
        Share of what was learnt in the weights that are kept; the start has the rest. Between the two a network keeps
        most of what it knew and has most of what it learnt (Wortsman et al., CVPR 2022, arXiv 2109.01903).
    beside : str
        Model of the same architecture and outputs that answers beside what was learnt: what is kept is one network of
        both, which says the mean of their logits. Empty for none.
    beside_share : float
        Share that the model beside has in that mean.
    freeze : bool
        Only the last dense layer is learnt; all else stays as it started, statistics of batch normalisation too.
    penalty : float
        With `freeze`, for one task whose labels exclude each other: the layer is found at once, as logistic regression
        over standardised inputs whose squared weights cost so much; 0 learns it by steps like anything else.
    weigh_classes : bool
        Classes that exclude each other are weighed by the inverse of their frequency among the training records.
    vary : float
        How far pictures are shifted, scaled and changed in tone while they are learnt, from 0 (not at all) to 1
        (`classify.images.vary`).
    hearts : int
        Synthetic hearts that are learnt in each batch beside its records (`classify.hearts`), 0 for none.
    reasons : float
        Weight in the loss of what the network sees of them elsewhere than where their finding shows
        (`classify.reasons`).
    keep : str
        Weights of the epoch with the highest AUROC (``"best"``) or the lowest loss (``"loss"``) on validation, or of
        the ``"last"``.
    threshold : str
        Rule by which thresholds are chosen on validation (`classify.protocols.choose_threshold`).
    seed : int
    accelerator : str
        ``"auto"``, ``"cpu"`` or ``"gpu"``.
    devices : int
        GPUs, or processes on the CPU; 0 takes every GPU there is.
    precision : str
        ``"auto"``: mixed with bfloat16 or float16 on a GPU, with bfloat16 on a CPU that computes with it; or
        ``"32"``, ``"bf16"``, ``"16"``.
    workers : int
        Processes that make batches beside the training.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    epochs: int = 30
    batch: int = 64
    optimiser: Literal["adam", "adamw"] = "adamw"
    lr: float = 4e-3
    weight_decay: float = 0.02
    schedule: Literal["one_cycle", "plateau", "constant"] = "one_cycle"
    warm_up: float = 0.2
    warm_lr: float | None = None
    patience: int = 5
    stop_after: int = 0
    clip: float = 1.0
    ema: float = 0.0
    mixup: float = 0.0
    crop_s: float | None = None
    pooled: Literal["whole", "mean", "max"] = "whole"
    balanced: bool = False
    auxiliary: bool = False
    hide_person: float = 0.0
    teachers: tuple[str, ...] = ()
    distil: float = 0.5
    lessons: Literal["records", "batches"] = "records"
    share: float = 1.0
    start: str = ""
    blend: float = 1.0
    beside: str = ""
    beside_share: float = 0.5
    freeze: bool = False
    penalty: float = 0.0
    weigh_classes: bool = False
    vary: float = 0.0
    hearts: int = 0
    reasons: float = 0.0
    keep: Literal["best", "loss", "last"] = "best"
    threshold: str = "f1"
    seed: int = 0
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    workers: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("epochs", 1),
            ("batch", 2),
            ("patience", 1),
            ("stop_after", 0),
            ("devices", 0),
            ("hearts", 0),
        ):
            if getattr(self, name) < least:
                raise OptionsError(f"{name} must be {least} or more, got {getattr(self, name)}")
        for name in ("warm_up", "ema", "distil", "share", "hide_person", "vary", "blend", "beside_share"):
            _within(name, getattr(self, name), 0, 1)
        for name in ("weight_decay", "clip", "mixup", "reasons"):
            _within(name, getattr(self, name), 0, 1000)
        if not self.lr > 0 or self.share == 0 or self.ema == 1:
            raise OptionsError("lr and share must be above 0 and ema below 1")
        if self.freeze and not self.start:
            raise OptionsError("freeze keeps what a network starts with; name a start")
        if self.blend < 1 and not self.start:
            raise OptionsError("blend mixes what was learnt with what a network starts with; name a start")
        if self.penalty < 0 or (self.penalty and not self.freeze):
            raise OptionsError(f"penalty is 0 or more, and for a last layer that is learnt alone; got {self.penalty}")
        if self.reasons and not self.hearts:
            raise OptionsError("reasons are learnt from synthetic hearts; give hearts, their number in a batch")
        if self.crop_s is not None and not self.crop_s > 0:
            raise OptionsError(f"crop_s must be a positive number of seconds, got {self.crop_s}")
        if self.pooled != "whole" and self.crop_s is None:
            raise OptionsError(f"windows to be joined by {self.pooled} are as long as crop_s; give crop_s")

    @property
    def window_s(self) -> float | None:
        """Seconds of the windows of a record that are predicted; None for the whole record."""
        return None if self.pooled == "whole" else self.crop_s


def recipe_values(entry: ModelEntry) -> dict[str, Any]:
    """Options that a model's recipe sets, under the names of `TrainOptions`.

    Parameters
    ----------
    entry : ModelEntry

    Returns
    -------
    dict
        Empty where the model has no recipe.
    """
    recipe = entry.recipe
    if recipe is None:
        return {}
    known = {f.name for f in fields(TrainOptions)}
    values = {f.name: getattr(recipe, f.name) for f in fields(recipe) if f.name in known}
    if recipe.schedule != "plateau":
        # One cycle ends when its rate is down, so it is never cut short; a constant rate ends when nothing improves.
        waits = values.pop("patience")
        values["stop_after"] = waits if recipe.schedule == "constant" else 0
    return values


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OptionsError(f"{name} must lie between {low:g} and {high:g}, got {value}")


def check_bank(options: PaperOptions) -> None:
    """Raise OptionsError if the bank of paper errors is named and not there."""
    if options.bank and not Path(options.bank).is_file():
        raise OptionsError(f"no bank of paper errors at {options.bank}; make one: python -m classify.paper_noise")
