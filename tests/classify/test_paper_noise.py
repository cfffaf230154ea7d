"""Errors of reading, taken apart and put together again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_sets import heart

import classify.paper_noise as paper_noise
from classify.augment import read_bank
from classify.paper_noise import main, make_bank, reading_error
from ecg.errors import OptionsError
from ecg.record import LEADS, ECGRecord, resample


def record(fs: float = 500.0) -> ECGRecord:
    signal = heart(np.random.default_rng(2), sick=True).astype(np.float32)
    return resample(ECGRecord(signal, 100.0, LEADS), fs)


def test_a_known_error_is_found_again() -> None:
    truth = record()
    t = np.arange(truth.n_samples) / truth.fs
    read = 1.05 * truth.signal + 0.1 + 0.03 * np.sin(2 * np.pi * 0.3 * t)
    read = np.roll(read, 10, axis=1)  # 20 ms late
    read[6:9, :2500] = np.nan  # V1 to V3 for the second half only
    found = reading_error(truth, ECGRecord(read, 500.0, LEADS))
    assert found is not None
    assert found.gain == pytest.approx(1.05, abs=0.02)
    assert np.abs(found.offset).max() < 0.1, "the offset goes with the medians"
    assert not found.present[2:5, :495].any()
    assert found.present[0].mean() > 0.98
    wave = found.residual[0].astype(float)
    expected = 0.03 * np.sin(2 * np.pi * 0.3 * np.arange(1000) / 100)
    inside = slice(50, 950)
    assert np.corrcoef(wave[inside], expected[inside])[0, 1] > 0.9
    assert np.std(wave[inside] - expected[inside]) < 0.012


def test_a_perfect_reading_has_no_error() -> None:
    found = reading_error(record(), record())
    assert found is not None
    assert found.gain == pytest.approx(1, abs=1e-3)
    assert np.abs(found.residual.astype(float)).max() < 2e-3
    assert found.present.all()


def test_leads_that_were_read_wrong_are_left_out() -> None:
    truth = record()
    wrong = np.array(truth.signal)
    wrong[6] *= -1
    wrong[7] *= 4
    found = reading_error(truth, ECGRecord(wrong, 500.0, LEADS))
    assert found is not None
    assert not found.present[2].any()
    assert not found.present[3].any()
    assert found.present[4].all()
    nothing = ECGRecord(np.full((12, 5000), np.nan), 500.0, LEADS)
    assert reading_error(truth, nothing) is None


def test_a_bank_of_drawn_pages_is_written_and_read(tmp_path, capsys, monkeypatch) -> None:
    errors = [reading_error(record(), record()), None, reading_error(record(), record())]
    monkeypatch.setattr(paper_noise, "page_error", lambda index, **_: errors[index])
    assert main(["-o", str(tmp_path / "bank.npz"), "--pages", "3"]) == 0
    assert "errors of 2 of 3 pages" in capsys.readouterr().out
    bank = read_bank(tmp_path / "bank.npz")
    assert len(bank) == 2
    assert bank.present.all()
    with np.load(tmp_path / "bank.npz") as content:
        about = json.loads(str(content["about"]))
    assert about == {"source": "physiology", "preset": "scan", "seed": 0, "pages": 3, "kept": 2}


def test_a_page_is_really_drawn_and_read() -> None:
    found = next(e for e in (paper_noise.page_error(k, "physiology", "clean", 4) for k in range(3)) if e is not None)
    shown = found.present
    assert 0.2 < shown.mean() <= 1
    gains = found.gain[shown.any(axis=1)]
    assert np.median(np.abs(gains - 1)) < 0.1
    assert np.std(found.residual.astype(float)[shown]) < 0.15


@pytest.mark.parametrize("changes", [{"pages": 0}, {"jobs": 0}, {"preset": "sepia"}, {"source": "moon"}])
def test_what_cannot_be_drawn_is_refused(tmp_path, changes) -> None:
    with pytest.raises(OptionsError):
        make_bank(tmp_path / "b.npz", **{"pages": 1, **changes})
    assert not list(tmp_path.iterdir())


def test_a_bank_without_pages_is_refused(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(paper_noise, "page_error", lambda _index, **_: None)
    assert main(["-o", str(tmp_path / "bank.npz"), "--pages", "2"]) == 2
    assert "was refused" in capsys.readouterr().err
