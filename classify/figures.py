"""Pictures of training and evaluation, as PNG. matplotlib loads when one is drawn, and no global figure is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.calibration import reliability
from ecg.formats.atomic import replacing

__all__ = ["draw_confusion", "draw_history", "draw_reliability", "draw_roc"]

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

#: Colours that stay apart for colour-blind readers (Okabe & Ito, 2008), then their darker neighbours.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C5E00", "#6A3D9A")
_DPI = 150


def draw_roc(path: Path, curves: Mapping[str, Curve], title: str = "") -> None:
    """Draw ROC curves of any number of models or labels in one picture, with their areas.

    Parameters
    ----------
    path : Path
        A PNG file.
    curves : mapping name -> (y, p)
        Truth (0, 1, or NaN where it does not count) and probability; a curve without both classes is left out.
    title : str
    """
    from sklearn import metrics

    figure, axes = _square("1 − specificity", "sensitivity", title)
    for number, (name, (y, p)) in enumerate(curves.items()):
        keep = np.isfinite(y)
        truth, prob = y[keep] > 0.5, p[keep]
        if 0 < truth.sum() < truth.size:
            fpr, tpr, _ = metrics.roc_curve(truth, prob)
            area = metrics.roc_auc_score(truth, prob)
            axes.plot(fpr, tpr, color=_COLOURS[number % len(_COLOURS)], lw=1.4, label=f"{name}  {area:.3f}")
    axes.legend(loc="lower right", fontsize=8, frameon=False, title="area under the curve", title_fontsize=8)
    _write(figure, path)


def draw_reliability(path: Path, curves: Mapping[str, Curve], title: str = "") -> None:
    """Draw the share of positives against the predicted probability, in ten bins of equal mass.

    Parameters
    ----------
    path : Path
    curves : mapping name -> (y, p)
        As for `draw_roc`.
    title : str
    """
    figure, axes = _square("predicted probability", "share of positives", title)
    for number, (name, (y, p)) in enumerate(curves.items()):
        keep = np.isfinite(y)
        predicted, observed, _ = reliability(y[keep], p[keep])
        axes.plot(predicted, observed, "o-", color=_COLOURS[number % len(_COLOURS)], lw=1.2, ms=3.5, label=name)
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    _write(figure, path)


def draw_confusion(path: Path, counts: NDArray[np.int64], names: Sequence[str], title: str = "") -> None:
    """Draw a confusion matrix with its counts, shaded by share of the row.

    Parameters
    ----------
    path : Path
    counts : int64 array [truth, answer]
    names : sequence of str
    title : str
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 0.8 * len(names),) * 2, layout="constrained")
    axes = figure.add_subplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        dark = share[row, column] > 0.6
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black")
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="answer", ylabel="truth", title=title)
    axes.set_xticklabels(names)
    axes.set_yticklabels(names)
    _write(figure, path)


def draw_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw loss and validation AUROC over the epochs.

    Parameters
    ----------
    path : Path
    rows : sequence of mapping
        ``epoch``, ``train_loss``, ``val_loss`` and ``val_auroc`` of each epoch.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    for number, name in enumerate(("train_loss", "val_loss")):
        left.plot(epochs, [row[name] for row in rows], color=_COLOURS[number], label=name.partition("_")[0])
    left.set(xlabel="epoch", ylabel="loss")
    left.legend(frameon=False, fontsize=8)
    right.plot(epochs, [row["val_auroc"] for row in rows], color=_COLOURS[2])
    right.set(xlabel="epoch", ylabel="AUROC on validation")
    _write(figure, path)


def _square(x: str, y: str, title: str) -> tuple[Any, Any]:
    """Figure of the unit square with its diagonal."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    axes.set(xlabel=x, ylabel=y, title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return figure, axes


def _write(figure: Any, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
