"""What a network is shown while it learns."""

from __future__ import annotations

import numpy as np
import pytest

from classify.augment import Bank, as_paper, crop, layout_masks, mixing, read_bank
from classify.options import PaperOptions
from ecg.errors import OptionsError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def inputs(rng: np.random.Generator, n: int = 64, leads: int = 8, samples: int = 400) -> np.ndarray:
    x = rng.standard_normal((n, leads, samples)).astype(np.float32)
    return np.concatenate([x, np.ones_like(x)], axis=1)


def test_pages_show_each_lead_in_its_quarters(rng) -> None:
    masks = layout_masks(rng, 500, 1000)
    assert masks.any(axis=(1, 2)).all()
    share = masks.mean(axis=(0, 2))
    assert share[1] == max(share), "lead II is the usual rhythm strip"
    assert (masks[:, 2].any(axis=1) == masks[:, 3].any(axis=1)).mean() > 0.8, "V1 to V3 stand together"
    classic = [m for m in masks if m[1].all() and m[0, :500].all() and not m[0, 500:].any()]
    assert len(classic) > 100, "3x4 with II below: I for its half, II throughout"
    assert not classic[0][2, :500].any()


def test_a_shown_lead_stands_on_its_own_median(rng) -> None:
    x = inputs(rng)
    y = as_paper(x, PaperOptions(share=1.0), rng)
    signal, present = y[:, :8], y[:, 8:] > 0.5
    assert set(np.unique(y[:, 8:])) == {0.0, 1.0}
    assert (signal[~present] == 0).all()
    for record in range(10):
        for lead in range(8):
            shown = signal[record, lead][present[record, lead]]
            assert shown.size == 0 or abs(np.median(shown)) < 1e-6


def test_the_errors_have_the_size_that_was_asked_for(rng) -> None:
    x = np.zeros((400, 16, 500), np.float32)
    x[:, 8:] = 1
    options = PaperOptions(share=1.0, wander_mv=0.0, noise_mv=(0.05, 0.05))
    y = as_paper(x, options, rng)
    shown = y[:, 8:] > 0.5
    assert y[:, :8][shown].std() == pytest.approx(0.05, rel=0.02), "the offset goes with the median"
    assert np.array_equal(as_paper(x, PaperOptions(), rng), x), "nothing asked for, nothing done"


def test_no_record_loses_every_lead(rng) -> None:
    y = as_paper(inputs(rng, 300, 1), PaperOptions(share=1.0, lose_lead=1.0), rng, leads=("II",))
    assert (y[:, 1] > 0.5).any(axis=1).all()
    eight = as_paper(inputs(rng, 400), PaperOptions(lose_lead=0.3), rng)
    assert 1 - eight[:, 8:].mean() == pytest.approx(0.15, abs=0.02), "a lead in ten is lost in half of the records"


def test_a_bank_is_transplanted(rng, tmp_path) -> None:
    residual = rng.normal(0, 0.1, (3, 8, 500)).astype(np.float16)
    present = np.ones((3, 8, 500), bool)
    present[:, 2:, :250] = False
    gain, offset = np.full((3, 8), 1.1), np.zeros((3, 8))
    bits = np.packbits(present, axis=-1)
    np.savez(tmp_path / "bank.npz", gain=gain, offset=offset, residual=residual, present=bits)
    bank = read_bank(tmp_path / "bank.npz")
    assert len(bank) == 3
    x = inputs(rng, 20, samples=500)
    y = as_paper(x, PaperOptions(share=1.0, bank_share=1.0), rng, bank)
    assert not y[:, 10:, :250].any(), "its gaps"
    errors = [y[k, 1] - 1.1 * x[k, 1] for k in range(20)]
    for error in errors:
        gap = [np.std(error - residual[page, 1].astype(float)) for page in range(3)]
        assert min(gap) < 1e-3, "its gain and residual, up to the median"
    shorter = as_paper(inputs(rng, 4, samples=300), PaperOptions(share=1.0, bank_share=1.0), rng, bank)
    assert shorter.shape == (4, 16, 300)
    assert not shorter[:, 10:, :150].any(), "a shorter record shows what stands in every quarter of the page"
    assert shorter[:, 10:, 150:].all()
    (tmp_path / "no.npz").write_bytes(b"PK")
    with pytest.raises(OptionsError, match="no bank of paper errors"):
        read_bank(tmp_path / "no.npz")
    with pytest.raises(OptionsError, match="one shape"):
        Bank(gain, offset, residual, present[:, :, :10])


def test_a_crop_keeps_the_leads_together(rng) -> None:
    x = np.broadcast_to(np.arange(100.0, dtype=np.float32), (50, 3, 100))
    y = crop(x, 40, rng)
    assert y.shape == (50, 3, 40)
    assert (y[:, 0] == y[:, 2]).all()
    assert (np.diff(y, axis=2) == 1).all()
    assert len(np.unique(y[:, 0, 0])) > 20
    assert crop(x, 200, rng) is x


def test_mixing_gives_the_larger_share_to_the_first(rng) -> None:
    share, partner = mixing(10, 0.3, rng)
    assert 0.5 <= share <= 1
    assert sorted(partner) == list(range(10))
