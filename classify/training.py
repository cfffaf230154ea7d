"""The training loop: loss, averaged weights, rates and history. lightning runs it, on a CPU or several GPUs."""

from __future__ import annotations

import copy
import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.options import TrainOptions
from classify.reasons import misplaced
from classify.runtime import windows_of
from classify.teaching import Teacher
from classify.vision import torchvision
from ecg.errors import OptionsError
from ecg.formats.atomic import replacing

torchvision()  # before lightning and torchmetrics, which import it by themselves

import lightning  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

__all__ = ["HISTORY_COLUMNS", "Group", "Learner", "Recorder", "class_weights", "group_loss", "mean_auroc", "one_cycle"]

#: What a weighed mean loss is divided by at least: less than any record weighs, and not nought.
_LEAST_WEIGHT = 1e-4
HISTORY_COLUMNS = ("epoch", "train_loss", "val_loss", "val_auroc", "lr", "seconds")


@dataclass(frozen=True)
class Group:
    """Outputs that share a kind of loss.

    Parameters
    ----------
    kind : str
        ``"yes_no"`` (each output a sigmoid), ``"one_of"`` (a softmax over them) or ``"number"`` (squared error).
    columns : tuple of int
        Places among the outputs.
    weight : float
        Of the group's mean loss in the sum.
    counts : bool
        Whether the validation AUROC is taken over them.
    classes : tuple of float
        Weight of each class of ``"one_of"`` in the mean loss; empty for equal ones.
    """

    kind: str
    columns: tuple[int, ...]
    weight: float
    counts: bool = True
    classes: tuple[float, ...] = ()


def class_weights(y: NDArray[np.floating]) -> tuple[float, ...]:
    """Weight of each class by the inverse of its frequency, 1 where all are equally frequent.

    Parameters
    ----------
    y : float array [records, classes]
        0 or 1; rows of NaN do not count.

    Returns
    -------
    tuple of float
        0 for a class that no record has.

    Examples
    --------
    >>> class_weights(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]))
    (0.6666666666666666, 2.0)
    """
    counts: NDArray[np.float64] = np.asarray(np.nansum(y, axis=0, dtype=np.float64))
    return tuple(float(counts.sum() / (counts.size * n)) if n else 0.0 for n in counts)


def group_loss(logits: Tensor, y: Tensor, groups: Sequence[Group]) -> Tensor:
    """Sum of the groups' mean losses over the answers that are known.

    Parameters
    ----------
    logits : float tensor [batch, outputs]
    y : float tensor [batch, outputs]
        Targets, soft ones too; NaN where unknown.
    groups : sequence of Group

    Returns
    -------
    float tensor []
    """
    total = logits.new_zeros(())
    for group in groups:
        z, t = logits[:, list(group.columns)].float(), y[:, list(group.columns)]
        known = torch.isfinite(t)
        t = torch.nan_to_num(t)
        counted = known
        if group.kind == "one_of":
            known = known.all(dim=1)
            weighed = t * t.new_tensor(group.classes or (1.0,) * t.shape[1])
            each = -(torch.log_softmax(z, dim=1) * weighed).sum(dim=1)
            counted = known * weighed.sum(dim=1)  # a record counts in the mean as much as its class weighs
        elif group.kind == "number":
            each = (z - t) ** 2
        else:
            each = functional.binary_cross_entropy_with_logits(z, t, reduction="none")
        total = total + group.weight * (each * known).sum() / counted.sum().clamp(min=_LEAST_WEIGHT)
    return total


class Learner(lightning.LightningModule):  # type: ignore[misc]  # lightning's types are not followed
    """A network with its loss, its averaged weights and its rate.

    Parameters
    ----------
    network : torch module
    groups : sequence of Group
    options : TrainOptions
    window : int
        Samples of the windows that a record is predicted by; 0 for the whole record.
    teachers : sequence of Teacher
        Networks that answer each batch; none of their weights is saved with the run.
    """

    def __init__(
        self,
        network: nn.Module,
        groups: Sequence[Group],
        options: TrainOptions,
        window: int = 0,
        teachers: Sequence[Teacher] = (),
    ) -> None:
        super().__init__()
        self.teachers = tuple(teachers)
        self.network, self.groups, self.options, self.window = network, groups, options, window
        if options.freeze:
            if not isinstance(getattr(network, "head", None), nn.Linear):
                raise OptionsError("freeze learns the last dense layer alone, and this network has none called head")
            network.requires_grad_(False)
            network.head.requires_grad_(True)
        self.average = copy.deepcopy(network).requires_grad_(False) if options.ema else None
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._losses: list[Tensor] = []
        self.figures: dict[str, float] = {}

    @property
    def kept(self) -> nn.Module:
        """The network that predicts: the averaged one where there is one."""
        return self.network if self.average is None else self.average

    def on_fit_start(self) -> None:
        """Take the teachers to where the student is."""
        for teacher in self.teachers:
            teacher.network.to(self.device, memory_format=torch.channels_last)

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the epoch, so that a resumed run draws what an undisturbed one draws."""
        torch.manual_seed(self.options.seed * 10_007 + self.current_epoch)
        self._losses = []
        if self.options.freeze:
            self.network.eval()
        if self.options.hearts and self.options.start:
            # Drawn hearts are not to move the statistics that recorded ones have left.
            for part in self.network.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()
        if self.options.warm_lr is not None and self.options.schedule != "one_cycle" and self.current_epoch < 2:
            rate = self.options.warm_lr if self.current_epoch == 0 else self.options.lr
            for group in self.trainer.optimizers[0].param_groups:
                group["lr"] = rate

    def training_step(self, batch: Mapping[str, Tensor], _index: int) -> Tensor:
        """Loss of a batch."""
        y = batch["y"]
        if self.teachers:
            told = [t.answers(batch[f"view_{k}"], y.shape[1]) for k, t in enumerate(self.teachers)]
            mean = torch.nanmean(torch.stack(told), dim=0)
            y = torch.where(torch.isfinite(mean), torch.lerp(y, mean, self.options.distil), y)
        x, extra = batch["x"], batch["extra"]
        if "heart_x" in batch:
            x, y, extra = (torch.cat([a, batch[f"heart_{n}"]]) for a, n in ((x, "x"), (y, "y"), (extra, "extra")))
        loss = group_loss(self.network(x, extra), y, self.groups)
        if self.options.reasons:
            outside = misplaced(self.network, batch["heart_whole"], batch["heart_y"], batch["heart_truth"])
            loss = loss + self.options.reasons * outside
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, *_args: Any) -> None:
        """Move the averaged weights towards the present ones; a short memory while they still change fast."""
        if self.average is None:
            return
        step = self.global_step
        keep = min(self.options.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            now = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(now[name], 1 - keep)
                else:
                    value.copy_(now[name])

    def epoch_figures(self) -> dict[str, float]:
        """Mean training loss of the epoch, and what validation found."""
        loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        return {"train_loss": loss, **self.figures}

    def validation_step(self, batch: Mapping[str, Tensor], _index: int) -> None:
        """Predict a batch with the weights that would be kept."""
        self.kept.eval()
        x = batch["x"]
        cut = [x] if not self.window else [torch.from_numpy(w) for w in windows_of(x.cpu().numpy(), self.window)]
        found = torch.stack([self.kept(w.to(x.device), batch["extra"]).float() for w in cut])
        joined = found.amax(dim=0) if self.options.pooled == "max" else found.mean(dim=0)
        self._seen.append((joined, batch["y"]))

    def on_validation_epoch_end(self) -> None:
        """Measure the epoch: loss and mean AUROC over the labels of the tasks."""
        z, y = (self._gathered(torch.cat(parts)) for parts in zip(*self._seen, strict=True))
        self._seen = []
        self.figures["val_loss"] = float(group_loss(z, y, self.groups))
        self.figures["val_auroc"] = mean_auroc(z, y, self.groups)
        for name in ("val_loss", "val_auroc"):
            self.log(name, self.figures[name], rank_zero_only=False)

    def _gathered(self, x: Tensor) -> Tensor:
        """Rows of every process."""
        if self.trainer.world_size == 1:
            return x.cpu()
        return torch.as_tensor(self.all_gather(x)).flatten(0, 1).cpu()

    def configure_optimizers(self) -> Any:
        """Optimiser and rate as the options say."""
        o = self.options
        weights = [w for w in self.network.parameters() if w.requires_grad]
        if o.optimiser == "adam":
            optimiser: torch.optim.Optimizer = torch.optim.Adam(weights, lr=o.lr, weight_decay=o.weight_decay)
        else:
            # Decay shrinks matrices; biases and normalisation have no scale that it could act on.
            matrices, others = ([w for w in weights if (w.ndim > 1) is flag] for flag in (True, False))
            parts = [{"params": matrices, "weight_decay": o.weight_decay}, {"params": others, "weight_decay": 0.0}]
            optimiser = torch.optim.AdamW(parts, lr=o.lr)
        if o.schedule == "constant":
            return optimiser
        if o.schedule == "plateau":
            # After `patience` epochs without a lower loss the next one halves: torch counts the epochs it forgives.
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=o.patience)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        cycle = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: one_cycle(step / steps, o.warm_up))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def one_cycle(done: float, warm_up: float) -> float:
    """Share of the highest rate: up in a line, then down along a cosine (Smith & Topin, arXiv 1708.07120).

    Examples
    --------
    >>> [round(one_cycle(done, 0.2), 3) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    [0.002, 0.501, 1.0, 0.501, 0.002]
    """
    # 1/500 of the rate at both ends: a first step of nothing would be wasted.
    if done < warm_up:
        return 0.002 + 0.998 * done / warm_up
    return 0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm_up) / max(1 - warm_up, 1e-9))))


def mean_auroc(z: Tensor, y: Tensor, groups: Sequence[Group]) -> float:
    """Mean AUROC of the labels that count and have both answers, by torchmetrics; NaN where none has."""
    from torchmetrics.functional.classification import binary_auroc

    areas = []
    for group in groups:
        if not group.counts:
            continue
        scores = z[:, list(group.columns)]
        scores = torch.softmax(scores, dim=1) if group.kind == "one_of" else torch.sigmoid(scores)
        for k, column in enumerate(group.columns):
            known = torch.isfinite(y[:, column])
            truth = y[known, column] > 0.5
            if 0 < int(truth.sum()) < truth.numel():
                areas.append(float(binary_auroc(scores[known, k].double(), truth.long())))
    return float(np.mean(areas)) if areas else math.nan


class Recorder(lightning.Callback):  # type: ignore[misc]  # lightning's types are not followed
    """Writes ``history.csv``, a line an epoch, and tells the caller.

    Parameters
    ----------
    path : Path
        A resumed run keeps the lines of the epochs before it.
    epochs : int
    progress : callable, optional
        Called with the line as a mapping and the number of epochs.
    """

    def __init__(
        self, path: Path, epochs: int, progress: Callable[[Mapping[str, float], int], None] | None = None
    ) -> None:
        self.path, self.epochs, self.progress = path, epochs, progress
        self.rows: list[dict[str, float]] = []
        self._started = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Take over the lines of the epochs that are done."""
        if trainer.current_epoch and self.path.is_file():
            with self.path.open(encoding="utf-8", newline="") as file:
                lines = [{k: float(v) for k, v in line.items()} for line in csv.DictReader(file)]
            done = [line for line in lines if line["epoch"] <= trainer.current_epoch]
            self.rows = [{**line, "epoch": int(line["epoch"])} for line in done]

    def on_train_epoch_start(self, _trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write the epoch's line."""
        figures = module.epoch_figures()
        row = {
            "epoch": trainer.current_epoch + 1,
            **{name: round(figures[name], 6) for name in HISTORY_COLUMNS[1:4]},
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(time.monotonic() - self._started, 2),
        }
        self.rows.append(row)
        if trainer.is_global_zero:
            buffer = io.StringIO()
            writer = csv.DictWriter(buffer, HISTORY_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
            with replacing(self.path) as temporary:
                temporary.write_text(buffer.getvalue(), encoding="utf-8", newline="")
            if self.progress is not None:
                self.progress(row, self.epochs)
