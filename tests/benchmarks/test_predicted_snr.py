"""The benchmark of predicted fidelity: rows, trees as arrays, and figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import predicted_snr
from benchmarks.predicted_snr_fit import grow, mean_of, restated, saved, trees_of
from digitize.features import SIGNS
from digitize.prediction import Trees, load_trees


def row(member: str, snr_db: float, index: int, status: str = "accepted") -> dict[str, object]:
    """Page of two leads without gaps, the first sign, whose last sign is their true SNR."""
    rng = np.random.default_rng(index)
    signs = {lead: [0.0, *rng.normal(size=len(SIGNS) - 2), snr_db] for lead in ("I", "II")}
    about = {"source": "physiology", "member": member, "look": "cart", "index": index, "commit": "abc"}
    return {**about, "status": status, "reasons": [], "snr_db": dict.fromkeys(signs, snr_db), "signs": signs}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    return [row("scan" if k % 3 else "fax", -2 + 30 * k / 90, k) for k in range(90)]


def test_trees_as_arrays_give_what_the_fitted_model_gives() -> None:
    from sklearn.ensemble import GradientBoostingRegressor

    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 5)).astype(np.float32).astype(np.float64)
    y = np.sin(x[:, 0]) + x[:, 1] * (x[:, 2] > 0)
    model = GradientBoostingRegressor(n_estimators=40, max_depth=4, min_samples_leaf=25, random_state=0).fit(x, y)
    np.testing.assert_allclose(trees_of(model)(x), model.predict(x), atol=1e-9)


def test_sets_of_trees_predict_their_mean() -> None:
    low = Trees(np.array([[0]]), np.array([[0.5]]), np.array([[-1.0, 1.0]]), 10.0)
    high = Trees(np.array([[1]]), np.array([[0.0]]), np.array([[-4.0, 2.0]]), 16.0)
    x = np.random.default_rng(2).normal(size=(50, 2))
    np.testing.assert_allclose(mean_of([low, high])(x), (low(x) + high(x)) / 2)


def test_trees_survive_being_saved(rows, tmp_path: Path) -> None:
    signs, snr, page = predicted_snr.cases(rows, ("scan",))
    trees = grow(signs, snr, page)
    saved(trees, rows, {"spearman_leads": 0.9}, tmp_path)
    np.testing.assert_allclose(load_trees(tmp_path)(signs), trees(signs), atol=1e-3)


def test_figures_are_told_apart_by_kind(rows, monkeypatch) -> None:
    signs, snr, page = predicted_snr.cases(rows, ("scan",))
    trees = grow(signs, snr, page)
    predict = predicted_snr.predict_snr
    monkeypatch.setattr(predicted_snr, "predict_snr", lambda s: predict(s, trees))
    found = predicted_snr.measured(rows)
    assert found["agreement"]["left_out"]["pages"] == 30
    assert found["agreement"]["fitted"]["pages"] == 60
    assert found["agreement"]["left_out"]["spearman_pages"] > 0.9
    # 15 to 28 dB are 39 of the 90 steps: the trees tell them from those of -2 to 10 dB.
    assert found["accepted"]["all"]["accepted"] == pytest.approx(39, abs=6)
    assert found["accepted"]["all"]["false"] <= 2
    assert found["read_by"] == ["abc"]


def test_pages_of_fitted_kinds_are_judged_by_trees_that_never_saw_them(rows, monkeypatch) -> None:
    many = [row("scan", -2 + 30 * (k % 60) / 60, k) for k in range(120)]
    monkeypatch.setattr(predicted_snr, "predict_snr", lambda _, trees=None: {} if trees is None else {"I": 1.0})
    assert all(v == {"I": 1.0} for v in predicted_snr._predicted(many).values())
    assert all(v == {} for v in predicted_snr._predicted(rows).values()), "too few pages to leave any out"


@pytest.mark.parametrize(
    ("reasons", "snr_db", "status"),
    [
        (["poorly read: II"], (20.0, 20.0), "accepted"),
        (["poorly read: II", "the name V1 stands where V2 was taken"], (20.0, 20.0), "review"),
        ([], (20.0, 5.0), "review"),
        ([], (5.0, 4.0), "refused"),
        (["the beats would come at 326/min: check paper speed and scale"], (5.0, 4.0), "review"),
        (["poorly read: V1"], (20.0, 20.0), "review"),
    ],
)
def test_other_trees_give_a_page_another_status(reasons: list[str], snr_db: tuple[float, ...], status: str) -> None:
    """V1 has no signs, since nothing of it was read: it stays poor."""
    read = {**row("scan", 15.0, 0, "review"), "reasons": reasons}
    read["signs"] = {lead: [0.0] * len(SIGNS) for lead in ("I", "II")}
    assert restated(read, dict(zip(("I", "II"), snr_db, strict=True)))["status"] == status
    assert restated({**read, "status": "refused"}, {"I": 20.0})["status"] == "refused"


def test_refused_pages_and_pages_without_a_common_lead_count_as_pages_only(monkeypatch) -> None:
    empty = {**row("fax", 5.0, 1, "refused"), "snr_db": {}, "signs": {}}
    monkeypatch.setattr(predicted_snr, "predict_snr", lambda signs: dict.fromkeys(signs, 20.0))
    found = predicted_snr.measured([empty, {**row("fax", 5.0, 2), "snr_db": {"V1": 3.0}}])
    assert found["accepted"]["all"]["refused"] == 1
    assert found["accepted"]["all"]["false"] == 1
    assert found["agreement"]["left_out"]["leads"] == 0


def test_collecting_goes_on_where_it_was_cut_off(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(predicted_snr, "_row", lambda *_page, **about: {**about, "snr_db": {}, "signs": {}})
    path = tmp_path / "rows.jsonl"
    for n in (1, 3):
        predicted_snr.main(["collect", str(path), "--n", str(n), "--seed", "5"])
    assert [r["index"] for r in predicted_snr.read_rows(path)] == [0, 1, 2]
    assert predicted_snr.main(["fit", str(tmp_path / "none.jsonl")]) == 2


def test_pages_of_some_kinds_are_collected_under_their_own_numbers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(predicted_snr, "_row", lambda *_page, **about: {**about, "snr_db": {}, "signs": {}})
    found = {}
    for name, more in (("all", []), ("some", ["--kinds", "fax,scan"])):
        path = tmp_path / f"{name}.jsonl"
        predicted_snr.main(["collect", str(path), "--n", "14", "--seed", "5", *more])
        found[name] = predicted_snr.read_rows(path)
    assert found["some"] == [row for row in found["all"] if row["member"] in ("fax", "scan")]
    assert 0 < len(found["some"]) < len(found["all"])
    with pytest.raises(SystemExit):
        predicted_snr.main(["collect", str(tmp_path / "none.jsonl"), "--kinds", "telegram"])


def test_the_table_follows_from_the_result(rows, tmp_path: Path) -> None:
    path = tmp_path / "predicted_snr.json"
    path.write_text(json.dumps(predicted_snr.measured(rows)), encoding="utf-8")
    text = predicted_snr.render_predicted_snr(path)
    assert "| fax, left out | 30 |" in text
    assert "| **all that were fitted** | 60 |" in text
    assert text.count("\n| ") == 5
