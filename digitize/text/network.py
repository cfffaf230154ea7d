"""The network that spots printed names, its loss, and its way into files. Needs torch (the extra `learn`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digitize.fusing import save_plain
from digitize.text.drawing import Piece
from digitize.text.spotter import STRIDE_PX, WORDS

__all__ = ["NameNetwork", "Shape", "Targets", "centre_loss", "export_onnx", "set_calibration", "targets"]

#: A word counts as shown when this part of its box lies on the piece; one that shows less is neither right nor wrong.
_SHOWN = 0.9


@dataclass(frozen=True)
class Shape:
    """Widths and depths of the network.

    Parameters
    ----------
    stem, fine, coarse : int
        Channels at a half, a quarter and an eighth of the resolution. Letters are told apart at a quarter (1 mm), words
        and their surroundings at an eighth.
    fine_blocks, coarse_blocks : int
        Residual blocks at a quarter and at an eighth. Five blocks of 5x5 at an eighth see 20 cells (40 mm) to either
        side at most: a scale text such as "12.5 mm/sec" is up to 30 mm long.
    expand : int
        How much wider a block is inside.
    """

    stem: int = 16
    fine: int = 32
    coarse: int = 64
    fine_blocks: int = 2
    coarse_blocks: int = 5
    expand: int = 2

    def as_dict(self) -> dict[str, int]:
        """Return the fields by name, for the model's card."""
        return asdict(self)


class _Convolution(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Convolution, batch normalisation and ReLU; the normalisation goes when the network is fused."""

    def __init__(self, into: int, out: int, size: int, stride: int = 1, groups: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False)
        self.norm: Any = nn.BatchNorm2d(out)
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.relu(self.norm(self.conv(x)))


class _Block(nn.Module):  # type: ignore[misc]
    """Inverted residual block: look around channel by channel, then mix the channels.

    Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", in the order of ConvNeXt (Liu et
    al. 2022): the wide filters work on the narrow side.
    """

    def __init__(self, channels: int, expand: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _Convolution(channels, channels, 5, groups=channels, relu=False),
            _Convolution(channels, expand * channels, 1),
            _Convolution(expand * channels, channels, 1, relu=False),
        )

    def forward(self, x: Any) -> Any:
        return x + self.body(x)


class NameNetwork(nn.Module):  # type: ignore[misc]
    """Ink map in, one heat map a word and the words' boxes out.

    Whether a word is here and which one are answered apart and multiplied: the first is learnt from few cells among
    many, the second from those few alone.

    Parameters
    ----------
    shape : Shape
    words : int
        Number of words.
    """

    def __init__(self, shape: Shape, words: int = len(WORDS)) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _Convolution(1, shape.stem, 3, stride=2),
            _Convolution(shape.stem, shape.fine, 3, stride=2),
            *(_Block(shape.fine, shape.expand) for _ in range(shape.fine_blocks)),
            _Convolution(shape.fine, shape.coarse, 3, stride=2),
            *(_Block(shape.coarse, shape.expand) for _ in range(shape.coarse_blocks)),
            nn.ReLU(),
        )
        self.centre = nn.Conv2d(shape.coarse, 1, 1)
        self.word = nn.Conv2d(shape.coarse, words, 1)
        self.box = nn.Conv2d(shape.coarse, 4, 1)
        # Calibration of each word's confidence, set after training: slope and offset of its logit.
        self.slope = nn.Parameter(torch.ones(words, 1, 1), requires_grad=False)
        self.offset = nn.Parameter(torch.zeros(words, 1, 1), requires_grad=False)
        # At first every cell says "nothing here" with 99 %, as nearly all of them should (Lin et al. 2017, focal loss).
        nn.init.constant_(self.centre.bias, float(np.log(0.01 / 0.99)))

    def parts(self, ink: Any) -> tuple[Any, Any, Any]:
        """Return the parts of the answer as they are trained.

        Parameters
        ----------
        ink : float tensor [batch, 1, height, width]
            Height and width multiples of 8.

        Returns
        -------
        centre : float tensor [batch, 1, height / 8, width / 8]
            Whether any word has its centre here, before the logistic function.
        word : float tensor [batch, words, height / 8, width / 8]
            Which word it is, before the softmax.
        box : float tensor [batch, 4, height / 8, width / 8]
            Centre's x and y from the cell's centre, logarithms of width and height, in cells.
        """
        features = self.body(ink)
        return self.centre(features), self.word(features), self.box(features)

    def forward(self, ink: Any) -> tuple[Any, Any]:
        """Return each word's probability in each cell, calibrated, and the boxes."""
        logits, box = self.logits(ink)
        return torch.sigmoid(self.slope * logits + self.offset), box

    def logits(self, ink: Any) -> tuple[Any, Any]:
        """Return each word's logit in each cell before calibration, and the boxes."""
        centre, word, box = self.parts(ink)
        # Kept off 0 and 1 so that the logit is finite; 1e-6 is a logit of -14.
        # The softmax written out: onnxruntime's own lays the channels out anew, which takes as long as a convolution.
        odds = torch.exp(word - word.amax(dim=1, keepdim=True))
        probability = (torch.sigmoid(centre) * odds / odds.sum(dim=1, keepdim=True)).clamp(1e-6, 1 - 1e-6)
        return torch.log(probability / (1 - probability)), box


@dataclass(frozen=True, eq=False)
class Targets:
    """What the network should say to one piece; cells are [rows, columns].

    Parameters
    ----------
    centre : float32 array [rows, columns]
        1 in the cell of a word's centre, a Gaussian around it.
    word : int64 array [rows, columns]
        Which word is here.
    box : float32 array [4, rows, columns]
    weight : float32 array [rows, columns]
        How much `word` and `box` matter: 0 far from any word.
    counted : float32 array [rows, columns]
        0 where a word is cut by the border: neither right nor wrong.
    """

    centre: NDArray[np.float32]
    word: NDArray[np.int64]
    box: NDArray[np.float32]
    weight: NDArray[np.float32]
    counted: NDArray[np.float32]


def targets(piece: Piece) -> Targets:
    """Turn a piece's words into what the network should answer."""
    height, width = piece.ink.shape
    rows, columns = height // STRIDE_PX, width // STRIDE_PX
    want = Targets(
        np.zeros((rows, columns), np.float32),
        np.zeros((rows, columns), np.int64),
        np.zeros((4, rows, columns), np.float32),
        np.zeros((rows, columns), np.float32),
        np.ones((rows, columns), np.float32),
    )
    for word, box in zip(piece.words, piece.boxes, strict=True):
        x0, y0, x1, y1 = box
        inside = max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))
        shown = inside / ((x1 - x0) * (y1 - y0))
        if shown >= _SHOWN:
            _aim_at(want, int(word), box / STRIDE_PX)
        elif shown > 0:
            _leave_out(want, box / STRIDE_PX)
    return want


def _aim_at(want: Targets, word: int, box: NDArray[np.float64]) -> None:
    """Set the answer around a word whose box is given in cells."""
    rows, columns = want.centre.shape
    y, x = np.mgrid[:rows, :columns] + 0.5
    x0, y0, x1, y1 = box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    column, row = min(int(cx), columns - 1), min(int(cy), rows - 1)
    # A neighbouring cell is nearly right, and along a long word more so: 0.7 cells, or a tenth of the length.
    spread = max(0.7, (x1 - x0) / 10)
    near = np.exp(-0.5 * (((x - 0.5 - column) / spread) ** 2 + ((y - 0.5 - row) / 0.7) ** 2)).astype(np.float32)
    np.maximum(want.centre, near, out=want.centre)
    closer = near > np.maximum(want.weight, 0.1)
    size = [np.full_like(x, np.log(max(side, 1 / STRIDE_PX))) for side in (x1 - x0, y1 - y0)]
    want.word[closer] = word
    want.box[:, closer] = np.stack([cx - x, cy - y, *size])[:, closer]
    want.weight[closer] = near[closer]


def _leave_out(want: Targets, box: NDArray[np.float64]) -> None:
    """Count nothing on a word that the border cuts, and one cell around it."""
    rows, columns = want.centre.shape
    y, x = np.mgrid[:rows, :columns] + 0.5
    x0, y0, x1, y1 = box
    want.counted[(x > x0 - 1) & (x < x1 + 1) & (y > y0 - 1) & (y < y1 + 1)] = 0


def centre_loss(centre: Any, word: Any, box: Any, want: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Return the losses of centre, word and box, each a word.

    The first is the focal loss of CornerNet (Law and Deng 2018, equation 1; alpha 2, beta 4), the second the cross
    entropy over the words, the third the absolute error of centre and size in cells.

    Parameters
    ----------
    centre, word, box : float tensors
        As `NameNetwork.parts` gives them.
    want : sequence of five tensors
        `Targets`' fields, stacked.
    """
    want_centre, want_word, want_box, weight, counted = want
    logit = centre[:, 0]
    probability = torch.sigmoid(logit)
    here = (want_centre > 0.999).float()
    right = here * (1 - probability) ** 2 * nn.functional.logsigmoid(logit)
    wrong = (1 - here) * (1 - want_centre) ** 4 * probability**2 * nn.functional.logsigmoid(-logit)
    # A border cell may hold half a word: it still counts where a whole word's centre is.
    n_words = here.sum().clamp(min=1)
    centre_part = -((right + wrong) * torch.maximum(counted, here)).sum() / n_words
    cross = nn.functional.cross_entropy(word, want_word, reduction="none")
    word_part = (cross * weight).sum() / weight.sum().clamp(min=1)
    box_part = ((box - want_box).abs() * weight[:, None]).sum() / weight.sum().clamp(min=1)
    return centre_part, word_part, box_part


def set_calibration(network: NameNetwork, slopes: NDArray[np.float64], offsets: NDArray[np.float64]) -> None:
    """Make each word's confidence the logistic function of slope * logit + offset (Platt 1999).

    Parameters
    ----------
    network : NameNetwork
    slopes, offsets : float array [words]
    """
    with torch.no_grad():
        network.slope.copy_(torch.as_tensor(slopes)[:, None, None])
        network.offset.copy_(torch.as_tensor(offsets)[:, None, None])


def export_onnx(network: NameNetwork, path: Path) -> None:
    """Write a fused network for onnxruntime: input `ink`, outputs `heat` and `box`, any height and width."""
    size = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        network,
        (torch.zeros(1, 1, 64, 96),),
        input_names=["ink"],
        output_names=["heat", "box"],
        dynamic_shapes={"ink": {2: size, 3: size}},
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    save_plain(program, path)
