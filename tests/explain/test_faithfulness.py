"""What a map must survive, on maps that are known to be right, wrong or constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecg.record import LEADS, ECGRecord

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
from subjects import heart, page_of, subject  # noqa: E402
from test_gradients import LEAD, SPEC, OneLead, bumps, opened  # noqa: E402

from explain.faithfulness import (  # noqa: E402
    cell_values,
    cells_of,
    curves,
    fidelity,
    infidelity,
    likeness,
    pointing,
    sensitivity,
    without,
)
from explain.methods import METHODS, explain  # noqa: E402
from explain.randomise import cascade, fitted, stages  # noqa: E402
from explain.result import Map  # noqa: E402
from explain.view import view_of  # noqa: E402


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def right() -> np.ndarray:
    values = np.zeros((12, 1000), dtype=np.float32)
    values[LEAD, 500:550] = 1.0
    return values


def test_cells_part_what_is_shown() -> None:
    view = view_of(bumps(), SPEC)
    cells = cells_of(view)
    assert cells.min() == 0
    assert cells.max() == 12 * 250 - 1
    assert (np.bincount(cells.ravel()) == 4).all(), "40 ms at 100 Hz"
    from classify.models import MODELS

    paper = view_of(page_of(heart()), MODELS["resnet1d_se"].spec)
    cells = cells_of(paper)
    assert ((cells < 0) == ~paper.shown).all()
    assert cell_values(np.ones(cells.shape), cells).sum() == paper.shown.sum()


def test_what_is_taken_away_is_bridged_without_a_step() -> None:
    view = view_of(heart("norm"), SPEC)
    cells = cells_of(view)
    removed = np.zeros(cells.max() + 1, dtype=bool)
    removed[cells[LEAD, 400:440]] = True
    after = view.signal + without(view, cells, removed)
    assert np.array_equal(np.delete(after, LEAD, 0), np.delete(view.signal, LEAD, 0))
    assert np.allclose(np.diff(after[LEAD, 399:441], n=2), 0, atol=1e-5), "a straight line"
    gone = view.signal + without(view, cells, np.ones_like(removed))
    assert not gone.any()


def test_the_right_map_empties_the_answer_first_and_fills_it_first() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    good = curves(given, view, 0, right(), rng())
    flat = curves(given, view, 0, np.ones((12, 1000), np.float32), rng())
    wrong = curves(given, view, 0, -right(), rng())
    assert good.deletion_area < flat.deletion_area < wrong.deletion_area
    assert good.insertion_area > flat.insertion_area > wrong.insertion_area
    assert good.deletion[0] == good.insertion[-1] == flat.deletion[0]
    assert good.deletion[-1] == good.insertion[0] == pytest.approx(0.5), "a logit of 0 without signal"


def test_fidelity_tells_right_from_wrong_and_infidelity_is_what_captum_measures() -> None:
    from captum.metrics import infidelity as reference

    # One cell up, four down: what bridges a cell that is up has nothing that the rectifier lets through.
    pulses = np.tile(np.repeat([1.0, -1.0], [4, 16]), (12, 50)).astype(np.float32)
    given, view = opened(OneLead()), view_of(ECGRecord(pulses, 100, LEADS), SPEC)
    right = np.zeros((12, 1000), dtype=np.float32)
    right[LEAD, 400:600] = np.maximum(pulses[LEAD, 400:600], 0)
    noise = rng().uniform(0, 1, (12, 1000)).astype(np.float32)
    found = infidelity(given, view, 0, {"right": right, "noise": noise, "flat": np.ones_like(noise)}, rng(), n=48)
    assert found["right"] < 0.3
    assert found["right"] < 0.6 * found["flat"]
    assert found["noise"] > 0.5 * found["flat"]

    told = fidelity(given, view, 0, {"right": right, "noise": noise, "flat": np.ones_like(noise)}, rng(), n=48)
    assert told["right"] > 0.8
    assert abs(told["noise"]) < 0.4
    assert told["flat"] == 0
    cells, score = cells_of(view), given.scorer(0)
    chosen = rng().random((48, cells.max() + 1)) < 0.1
    before = float(score(torch.from_numpy(view.x[None])).detach())
    calls = iter(chosen)
    lost = []

    def perturb(x: Any) -> Any:
        gone, moved = [], []
        for _ in range(len(x)):
            removed = next(calls)
            change = without(view, cells, removed)
            gone.append(removed[cells].astype(np.float32))
            moved.append(view.x + change)
            lost.append(before - float(score(torch.from_numpy(moved[-1][None])).detach()))
        return torch.from_numpy(np.stack(gone)), torch.from_numpy(np.stack(moved))

    wanted = reference(
        score,
        perturb,
        torch.from_numpy(view.x[None]),
        torch.from_numpy(noise[None]),
        n_perturb_samples=48,
        normalize=True,
    )
    assert found["noise"] == pytest.approx(float(wanted[0]) / np.mean(np.square(lost)), rel=1e-3)


def test_sensitivity_tells_a_steady_map_from_a_nervous_one() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    steady = sensitivity(given, view, lambda v: Map(np.nan_to_num(v.signal)), rng())
    nervous = sensitivity(
        given,
        view,
        lambda v: Map(np.random.default_rng(int(abs(v.x).sum() * 1e6)).random((12, 1000), np.float32)),
        rng(),
    )
    constant = sensitivity(given, view, lambda _: Map(np.ones((12, 1000), np.float32)), rng())
    assert constant == 0
    assert 0 < steady < 0.2 < nervous


def test_likeness_is_a_rank_correlation() -> None:
    from scipy.stats import spearmanr

    a, b = rng().normal(size=(2, 40))
    b[:20] = a[:20]
    assert likeness(a, b) == pytest.approx(float(spearmanr(a, b).statistic))
    assert likeness(a, a**3) == pytest.approx(1)
    assert likeness(np.ones(4), np.zeros(4)) == 1
    assert likeness(a, np.ones(40)) == 0


def test_pointing_gives_a_constant_map_the_share_of_the_area() -> None:
    truth = np.zeros((12, 100), dtype=bool)
    truth[:, 20:30] = True
    assert pointing(np.ones((12, 100)), truth) == pytest.approx(0.1)
    assert pointing(truth.astype(float), truth) == 1
    assert pointing(1 - truth.astype(float), truth) == 0


def test_the_cascade_randomises_from_the_top_and_leaves_the_network_alone() -> None:
    given, record = subject("resnet1d_se"), heart()
    network = given.network
    before = {k: v.clone() for k, v in network.state_dict().items()}
    assert stages(network)[0] == ["head"]
    assert sorted(name for stage in stages(network) for name in stage) == sorted(
        name for name, m in network.named_modules() if list(m.parameters(recurse=False))
    )
    steps = list(cascade(network, rng()))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert not torch.equal(steps[0][1].head.weight, network.head.weight)
    assert torch.equal(steps[0][1].stem[0].weight, network.stem[0].weight)
    assert not torch.equal(steps[-1][1].stem[0].weight, network.stem[0].weight)
    ours = explain(given, record, task="mi", method="integrated_gradients").on_input
    theirs = explain(given.with_network(steps[-1][1]), record, task="mi", method="integrated_gradients").on_input
    assert likeness(ours, theirs) < 0.5


def test_a_small_network_learns_quickly() -> None:
    x = rng().normal(size=(64, 4)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    told: list[tuple[int, int]] = []
    fitted(network, x, y, rng(), epochs=20, lr=1e-2, progress=lambda *n: told.append(n))
    right_ones = (network(torch.from_numpy(x)) > 0).numpy() == (y > 0.5)
    assert right_ones.mean() > 0.9
    assert told[-1] == (20, 20)
    assert not network.training
    assert set(METHODS) >= {"random"}
    assert len(LEADS) == 12
