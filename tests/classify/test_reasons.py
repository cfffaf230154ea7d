"""Evidence beside the right place: measured on networks whose reasons are known, and unlearnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_sets import QUICK, run_of, tiny_set
from torch import Tensor, nn

from classify.batches import Batches
from classify.hearts import drawn_hearts
from classify.labels import find_task
from classify.models import MODELS
from classify.options import PaperOptions, TrainOptions
from classify.reasons import misplaced
from classify.train import train
from ecg.errors import OptionsError


class Weighed(nn.Module):
    """One answer: the signal weighed sample by sample."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor, _extra: Tensor) -> Tensor:
        return (x * self.weight).sum(dim=(1, 2))[:, None]


def shown(row: int, start: int) -> Tensor:
    x = torch.zeros(1, 16, 200)
    x[:, row, start : start + 20] = 1
    x[:, 8:] = 1
    return x


def test_evidence_counts_where_it_lies_and_only_where_it_speaks_for_the_answer() -> None:
    x = shown(4, 50) + shown(6, 150) * torch.tensor([1.0] * 8 + [0.0] * 8)[:, None]
    truth = torch.zeros(1, 12, 200, dtype=torch.bool)
    truth[:, 8, 40:80] = True  # V3 is row 4 of the input and lead 8 on paper
    yes = torch.ones(1, 1)

    def outside(v3: float, v5: float) -> float:
        weight = torch.zeros(16, 200)
        weight[4], weight[6] = v3, v5
        return misplaced(Weighed(weight), x, yes, truth).item()

    assert outside(1, 0) == pytest.approx(0, abs=1e-6)
    assert outside(0, 1) == pytest.approx(1, abs=1e-6)
    assert outside(1, 3) == pytest.approx(0.75, abs=1e-4)
    assert outside(1, -3) == pytest.approx(0, abs=1e-4), "what speaks against the answer is no reason for it"


def test_limb_leads_share_what_i_and_ii_carry() -> None:
    truth = torch.zeros(1, 12, 200, dtype=torch.bool)
    truth[:, 1] = True  # II alone, at 60 degrees: the six leads have 1, 1/4, 1/4, 3/4, 0 and 3/4 thirds of it
    x = shown(1, 50)
    x[:, 0] = x[:, 1] / 2  # a dipole along II
    weight = torch.zeros(16, 200)
    weight[1] = 1
    assert misplaced(Weighed(weight), x, torch.ones(1, 1), truth).item() == pytest.approx(2 / 3, abs=1e-3)


def test_records_without_a_place_do_not_count_and_the_network_stays_as_it_was() -> None:
    network = Weighed(torch.ones(16, 200)).train()
    x, nowhere = shown(3, 20), torch.zeros(1, 12, 200, dtype=torch.bool)
    assert misplaced(network, x, torch.ones(1, 1), nowhere).item() == 0
    assert misplaced(network, x, torch.zeros(1, 1), ~nowhere).item() == 0, "nothing is true of it"
    both = misplaced(network, torch.cat([x, x]), torch.ones(2, 1), torch.cat([nowhere, ~nowhere]))
    assert both.item() == pytest.approx(0, abs=1e-6)
    assert network.training
    network.norm = nn.BatchNorm1d(1).eval()
    misplaced(network, x, torch.ones(1, 1), ~nowhere)
    assert network.training
    assert not network.norm.training


def test_the_right_place_is_learnt() -> None:
    torch.manual_seed(0)
    network = Weighed(torch.rand(16, 200))
    x = torch.cat([torch.rand(4, 8, 200), torch.ones(4, 8, 200)], dim=1)
    truth = torch.zeros(4, 12, 200, dtype=torch.bool)
    truth[:, 7, 60:120] = True
    first = misplaced(network, x, torch.ones(4, 1), truth).item()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        misplaced(network, x, torch.ones(4, 1), truth).backward()
        optimiser.step()
    assert first > 0.9
    assert misplaced(network, x, torch.ones(4, 1), truth).item() < 0.2


def test_batches_bring_hearts_beside_their_records() -> None:
    known = tiny_set(24)
    tasks = (find_task("mi_sttc"),)
    hearts = drawn_hearts(tasks, 1, known.spec, seed=0, n=12)
    options = replace(QUICK, hearts=4, crop_s=5.0)
    y = known.answers["mi_sttc"]
    paper = PaperOptions(share=1.0)
    batch = Batches(known, np.arange(24), y, options, paper, None, True, hearts=hearts).__getitems__([0, 1, 2])
    assert batch["heart_x"].shape == batch["heart_whole"].shape == (4, 16, 500)
    assert batch["heart_truth"].shape == (4, 12, 500)
    assert (batch["heart_whole"][:, 8:] == 1).all(), "whole"
    assert not (batch["heart_x"][:, 8:] == 1).all(), "as paper shows them"
    assert not any(
        name.startswith("heart") for name in Batches(known, np.arange(24), y, options, paper, None, False)[0]
    )


def test_a_network_trains_beside_hearts(tmp_path) -> None:
    options = replace(QUICK, epochs=2, hearts=4, reasons=0.5, crop_s=2.0)
    card = train(run_of(("mi_sttc",), options=options, entry=MODELS["resnet1d_se"]), tiny_set(), tmp_path)
    assert card is not None
    assert (card.data["recipe"]["hearts"], card.data["recipe"]["reasons"]) == (4, 0.5)


def test_reasons_need_hearts() -> None:
    with pytest.raises(OptionsError, match="give hearts"):
        TrainOptions(reasons=0.5)
    with pytest.raises(OptionsError, match="hearts must be 0 or more"):
        TrainOptions(hearts=-1)
