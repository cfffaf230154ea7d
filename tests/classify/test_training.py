"""Training on tiny sets: it learns, resumes, refuses; the folder answers like the network."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sets import PAPER, QUICK, SMALL, halves, run_of, small, tiny_set

from classify.batches import Batches, loader
from classify.export import export_network, predict_set, without_outputs
from classify.labels import find_task
from classify.models import MODELS
from classify.options import PaperOptions, TrainOptions, recipe_values
from classify.runtime import load_classifier, load_network
from classify.sets import auxiliary_targets, head_names
from classify.train import train
from classify.training import Group, group_loss, mean_auroc, one_cycle
from ecg.checkpoint import load_card
from ecg.errors import OptionsError
from ecg.options import options_from


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network for several tasks, with what ships: an ONNX file."""
    out = tmp_path_factory.mktemp("several")
    options = replace(QUICK, epochs=10, auxiliary=True, mixup=0.0)
    run = run_of(("superclass", "mi_sttc", "ami", "four_class"), options=options, entry=MODELS["resnet1d_se"])
    train(run, tiny_set(), out)
    return out


def test_a_network_of_several_tasks_learns_and_is_kept_whole(several) -> None:
    names = {path.name for path in several.iterdir()}
    wanted = {"model.safetensors", "card.json", "model.onnx", "history.csv", "history.png", "last.ckpt", "train.json"}
    assert wanted <= names
    card = load_card(several)
    assert card.labels[:2] == ("superclass.NORM", "superclass.MI")
    assert len(card.labels) == 5 + 1 + 1 + 4, "what was learnt beside the tasks is cut off"
    assert card.metrics["mi_sttc auroc"]["value"] > 0.9
    assert 0 <= card.metrics["mi_sttc auroc"]["lo"] <= card.metrics["mi_sttc auroc"]["hi"] <= 1
    assert set(card.thresholds) == {"mi_sttc", "ami", *(x for x in card.labels if x.startswith("superclass."))}
    assert set(card.temperatures) == set(card.labels)
    assert card.folds["train"]
    assert card.abstain["min_leads"] == 8
    assert (card.seed, card.commit) == (0, "0123abc")
    with (several / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 11))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert float(rows[-1]["val_auroc"]) > 0.9


def test_onnx_answers_like_the_saved_weights(several) -> None:
    known = tiny_set(8)
    x = known.inputs(np.arange(8))
    onnx, torch_ = (load_classifier(several, backend) for backend in ("onnx", "torch"))
    assert (onnx.backend, torch_.backend) == ("onnx", "torch")
    assert np.abs(onnx.logits(x) - torch_.logits(x)).max() < 1e-3
    assert onnx.answer(x, "four_class").sum(axis=1) == pytest.approx(1)
    assert load_classifier(several).backend == "onnx"


class StoppedError(Exception):
    pass


def test_an_interrupted_run_ends_like_an_undisturbed_one(tmp_path) -> None:
    known = tiny_set(24)
    run = run_of(split=halves(24))
    train(run, known, tmp_path / "whole")

    def interrupt(row: dict[str, float], _epochs: int) -> None:
        if row["epoch"] == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(run, known, tmp_path / "cut", interrupt)
    assert not (tmp_path / "cut" / "card.json").exists()
    train(run, known, tmp_path / "cut")
    cards = [load_card(tmp_path / name) for name in ("whole", "cut")]
    assert cards[0].sha256 == cards[1].sha256
    histories = [[line.rsplit(",", 1)[0] for line in open(tmp_path / n / "history.csv")] for n in ("whole", "cut")]  # noqa: SIM115, PTH123
    assert histories[0] == histories[1]


def test_a_finished_run_trains_no_further_though_its_best_epoch_was_earlier(tmp_path) -> None:
    # At this rate the network gets worse: the best epoch is not the last.
    run = run_of(options=replace(QUICK, epochs=4, lr=3.0, ema=0.0, clip=0.0, schedule="constant", keep="best"))
    train(run, tiny_set(), tmp_path)
    done = torch.load(tmp_path / "last.ckpt", map_location="cpu", weights_only=True)
    assert done["epoch"] == 3
    lines: list[int] = []
    train(run, tiny_set(), tmp_path, lambda row, _: lines.append(int(row["epoch"])))
    assert lines == []


def test_another_run_in_the_same_folder_is_refused(tmp_path) -> None:
    (tmp_path / "train.json").write_text(json.dumps({"model": "resnet1d_se"}))
    with pytest.raises(OptionsError, match="holds a run with other"):
        train(run_of(split=halves(16)), tiny_set(16), tmp_path)


def test_a_run_begun_before_an_option_existed_goes_on(tmp_path) -> None:
    run = run_of(split=halves(16), options=replace(QUICK, epochs=1))
    train(run, tiny_set(16), tmp_path)
    told = json.loads((tmp_path / "train.json").read_text())
    del told["options"]["lessons"], told["paper"]["lose_lead"]
    (tmp_path / "train.json").write_text(json.dumps(told))
    assert train(replace(run, paper=replace(PAPER, lose_lead=0.0)), tiny_set(16), tmp_path) is not None
    with pytest.raises(OptionsError, match="holds a run with other options"):
        train(replace(run, options=replace(run.options, lessons="batches")), tiny_set(16), tmp_path)


def test_a_split_without_answers_is_refused(tmp_path) -> None:
    known = tiny_set(16)
    known.answers["mi_sttc"][:] = np.nan
    with pytest.raises(OptionsError, match="leaves no training record"):
        train(run_of(split=halves(16)), known, tmp_path)


def test_inputs_that_cannot_be_paper_are_refused(tmp_path) -> None:
    known = tiny_set(16, MODELS["xresnet1d101"].spec)
    entry = small(MODELS["conv_bilstm_attn"], spec=known.spec)
    with pytest.raises(OptionsError, match="cannot be shown as paper"):
        train(run_of(split=halves(16), entry=entry, arguments={}), known, tmp_path)


@pytest.mark.parametrize(
    ("name", "arguments", "changes"),
    [
        ("conv_bilstm_attn", {"filters": (8, 8), "kernels": (5, 3), "recurrent": 8, "hidden": 8}, {}),
        ("xresnet1d101", {}, {"crop_s": 2.5, "pooled": "max", "schedule": "plateau"}),
    ],
)
def test_published_networks_train_by_the_same_loop(tmp_path, name, arguments, changes) -> None:
    entry = small(MODELS[name], ships=False)
    plain = {"epochs": 1, "mixup": 0.0, "crop_s": None, "ema": 0.0, "optimiser": "adam"}
    options = replace(QUICK, **plain | changes)
    known = tiny_set(16, entry.spec)
    card = train(
        run_of(split=halves(16), entry=entry, arguments=arguments, options=options, paper=PaperOptions()),
        known,
        tmp_path,
    )
    assert card is not None
    assert bool(card.windows) is bool(changes)
    p = load_classifier(tmp_path).answer(known.inputs(np.arange(4)), "mi_sttc", known.extra[:4])
    assert p.shape == (4, 1)
    assert ((p > 0) & (p < 1)).all()


def test_a_forest_is_grown_and_kept(tmp_path) -> None:
    known = tiny_set(48)
    rng = np.random.default_rng(0)
    entry = MODELS["random_forest"]
    features = rng.standard_normal((48, *entry.spec.shape)).astype(np.float32)
    features[:, :20] += 3 * known.answers["mi_sttc"]
    features[5] = np.nan
    known = replace(known, ready=features, spec=entry.spec)
    run = run_of(entry=entry, arguments={"n_trees": 20, "least_leaf": 2}, paper=PaperOptions())
    card = train(run, known, tmp_path)
    assert card is not None
    assert card.metrics["mi_sttc auroc"]["value"] > 0.8
    classifier = load_classifier(tmp_path)
    assert classifier.backend == "forest"
    logits = predict_set(classifier, known, np.arange(8))
    assert np.isnan(logits[5]).all(), "no features, no answer"
    assert np.isfinite(np.delete(logits, 5, axis=0)).all()


def test_age_and_sex_are_hidden_and_mixed_only_where_both_are_known() -> None:
    known = tiny_set(24)
    told = np.tile(np.float32([0.6, 1, 1, 1]), (24, 1))
    told[:12] = 0, 0, 0, 1  # a woman of unknown age
    known, y = replace(known, extra=told), known.answers["mi_sttc"]
    hidden = Batches(known, np.arange(24), y, replace(QUICK, hide_person=1.0), PAPER, None, learns=True)
    assert not hidden.__getitems__(list(range(24)))["extra"].any()
    mixed = Batches(known, np.arange(24), y, QUICK, PAPER, None, learns=True).__getitems__(list(range(24)))["extra"]
    age, has_age, male, has_sex = mixed.T
    assert has_sex.all()
    assert ((male >= 0) & (male <= 1)).all()
    assert 0 < int(has_age.sum()) < 12, "some of the twelve met one whose age is unknown"
    assert torch.allclose(age[has_age > 0], torch.tensor(0.6))
    assert not age[has_age == 0].any()
    kept = Batches(known, np.arange(24), y, replace(QUICK, hide_person=1.0), PAPER, None, learns=False)
    assert torch.equal(kept.__getitems__(list(range(24)))["extra"], torch.from_numpy(told))


def test_batches_are_the_same_for_the_same_epoch_and_differ_between_epochs() -> None:
    known = tiny_set(24)
    y = known.answers["mi_sttc"]
    batches = [Batches(known, np.arange(24), y, QUICK, PAPER, None, learns=True) for _ in range(2)]
    first, again = (batch.__getitems__([3, 1, 2]) for batch in batches)
    assert torch.equal(first["x"], again["x"])
    batches[1].epoch = 1
    assert not torch.equal(first["x"], batches[1].__getitems__([3, 1, 2])["x"])
    assert first["x"].shape == (3, 16, 500)
    plain = Batches(known, np.arange(24), y, QUICK, PAPER, None, learns=False).__getitems__([0])
    assert torch.equal(plain["x"], torch.from_numpy(known.inputs(np.array([0]))))


def test_balanced_epochs_hold_as_many_of_either() -> None:
    known = tiny_set(24)
    y = known.answers["mi_sttc"].copy()
    y[: 24 * 3 // 4] = 0
    batches = Batches(known, np.arange(24), y, replace(QUICK, mixup=0.0, crop_s=None), PaperOptions(), None, True)
    seen = torch.cat([batch["y"] for batch in loader(batches, y[:, 0] > 0.5)])
    assert float(seen.mean()) == 0.5


def test_losses_count_what_is_known_only() -> None:
    nan = float("nan")
    logits = torch.tensor([[0.0, 1.0, 2.0, 0.5], [1.0, -1.0, 0.0, 0.0]])
    y = torch.tensor([[1.0, 0.0, 1.0, 2.5], [nan, nan, nan, nan]])
    groups = [Group("yes_no", (0,), 2.0), Group("one_of", (1, 2), 1.0), Group("number", (3,), 0.5)]
    expected = 2 * np.log(2) + np.log(1 + np.exp(-1)) + 0.5 * 4
    assert float(group_loss(logits, y, groups)) == pytest.approx(expected, rel=1e-6)
    assert float(group_loss(logits[1:], y[1:], groups)) == 0


def test_the_validation_auroc_is_scikit_learn_s() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    z, y = torch.from_numpy(rng.standard_normal((60, 2))), torch.from_numpy((rng.random((60, 2)) < 0.4).astype(float))
    y[:10, 1] = float("nan")
    expected = np.mean([roc_auc_score(y[:, 0], z[:, 0]), roc_auc_score(y[10:, 1], z[10:, 1])])
    assert mean_auroc(z, y, [Group("yes_no", (0, 1), 1.0)]) == pytest.approx(expected)


def test_one_cycle_peaks_after_the_warm_up() -> None:
    rates = [one_cycle(step / 100, 0.3) for step in range(101)]
    assert int(np.argmax(rates)) == 30
    assert max(rates) == 1
    assert rates[-1] == pytest.approx(0.002)


def test_published_recipes_become_options() -> None:
    flat = options_from(TrainOptions, recipe_values(MODELS["lead_ii_cnn"]))
    assert (flat.optimiser, flat.lr, flat.weight_decay, flat.epochs, flat.batch) == ("adam", 1e-3, 1e-4, 50, 64)
    assert (flat.schedule, flat.patience, flat.stop_after) == ("plateau", 5, 0)
    beats = options_from(TrainOptions, recipe_values(MODELS["ecg_smart_net"]))
    assert beats.balanced
    assert beats.stop_after == 10
    assert options_from(TrainOptions, recipe_values(MODELS["xresnet1d101"])).window_s == 2.5
    assert options_from(TrainOptions, recipe_values(MODELS["resnet1d_se"])).window_s is None
    assert recipe_values(MODELS["random_forest"]) == {}


def test_the_head_of_a_network_can_be_cut(tmp_path) -> None:
    torch.manual_seed(0)
    network = run_of().entry.build(7, **SMALL).eval()
    x = torch.randn(2, 16, 500)
    before = network(x).detach()
    assert torch.allclose(without_outputs(network, 3)(x), before[:, :3], atol=1e-6)
    assert without_outputs(network, 3).head.out_features == 3
    card = load_card_like(tmp_path)
    export_network(tmp_path / "m", network, card, onnx=False)
    assert torch.allclose(load_network(tmp_path / "m")(x), before[:, :3], atol=2e-2)


def load_card_like(_folder: Path):
    from ecg.checkpoint import ModelCard

    return ModelCard(
        name="cut",
        task="superclass",
        architecture="resnet1d_se",
        arguments=SMALL,
        input_spec=MODELS["resnet1d_se"].spec.to_dict(),
        labels=("NORM", "MI", "STTC"),
        thresholds={},
        temperature=1.0,
        data={},
        folds={},
        seed=0,
        commit="",
        metrics={},
        intended_use="",
        limits=(),
    )


def test_names_of_outputs_never_clash() -> None:
    labels, heads = head_names([find_task(t) for t in ("superclass", "mi", "four_class")])
    assert len(set(labels)) == len(labels) == 10
    assert heads["four_class"][0] == "four_class.NORM"
    assert head_names([find_task("superclass")]) == (("NORM", "MI", "STTC", "CD", "HYP"), {})


def test_auxiliary_targets_are_frequent_statements_age_and_sex() -> None:
    known = tiny_set(48)
    names, y = auxiliary_targets(known, np.arange(48))
    assert names == ("IMI", "NORM", "SR", "sex", "age")
    assert y[:, 0].sum() == 24
    assert y[0, 4] == pytest.approx(0, abs=1e-6), "60 years"
    assert auxiliary_targets(known, np.arange(8))[0] == ("sex", "age"), "rare ones are left out"


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"lr": 0.0}, {"share": 0.0}, {"crop_s": -1.0}, {"pooled": "max"}, {"ema": 1.0}]
)
def test_options_outside_their_range_are_refused(changes) -> None:
    with pytest.raises(OptionsError):
        TrainOptions(**changes)


def test_paper_options_outside_their_range_are_refused() -> None:
    for changes in ({"share": 1.5}, {"noise_mv": (0.2, 0.1)}, {"gain_sd": -1.0}):
        with pytest.raises(OptionsError):
            PaperOptions(**changes)


def test_what_is_kept_lies_between_the_start_and_what_was_learnt(several, tmp_path) -> None:
    options = replace(QUICK, start=str(several), keep="last", ema=0.0)
    kept = {}
    for blend in (0.0, 0.5, 1.0):
        run = run_of(("mi_sttc",), options=replace(options, blend=blend), entry=MODELS["resnet1d_se"])
        train(run, tiny_set(), tmp_path / str(blend))
        kept[blend] = load_network(tmp_path / str(blend)).state_dict()
    first = load_network(several).state_dict()
    name = "stem.0.weight" if "stem.0.weight" in first else next(n for n in first if first[n].ndim > 1)
    assert torch.allclose(kept[0.0][name], first[name], atol=1e-6)
    assert not torch.allclose(kept[1.0][name], first[name], atol=1e-4)
    middle = (kept[0.0][name] + kept[1.0][name]) / 2
    assert torch.allclose(kept[0.5][name], middle, atol=1e-3), "weights are kept as float16"


def test_networks_side_by_side_say_the_mean_of_their_logits() -> None:
    from classify.models.resnet1d_se import ResNet1dSE, side_by_side

    networks = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = ResNet1dSE(5, widths=(8, 16), depths=(1, 2))
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(part.running_mean, -1, 1)
                torch.nn.init.uniform_(part.running_var, 0.5, 2)
        networks.append(network.eval())
    x = torch.randn(4, 16, 200)
    pair = side_by_side(networks[:2], (0.7, 0.3), depths=(1, 2)).eval()
    with torch.no_grad():
        logits = [network(x) for network in networks]
        torch.testing.assert_close(pair(x), 0.7 * logits[0] + 0.3 * logits[1], atol=1e-5, rtol=0)
        three = side_by_side(networks, (1 / 3, 1 / 3, 1 / 3), depths=(1, 2)).eval()
        torch.testing.assert_close(three(x), sum(logits) / 3, atol=1e-5, rtol=0)
    assert three.arguments == {"widths": [24, 48], "groups": 3}


def test_a_model_answers_beside_what_was_learnt(several, tmp_path) -> None:
    tasks, entry = ("superclass", "mi_sttc", "ami", "four_class"), MODELS["resnet1d_se"]
    options = replace(QUICK, start=str(several), keep="last", ema=0.0)
    train(run_of(tasks, options=options, entry=entry), tiny_set(), tmp_path / "alone")
    both = train(
        run_of(tasks, options=replace(options, beside=str(several), beside_share=0.8), entry=entry),
        tiny_set(),
        tmp_path / "both",
    )
    assert both.arguments["groups"] == 2
    assert both.data["recipe"]["beside"] == several.name, "no folder of this machine"
    assert both.data["beside"]["recipe"]["epochs"] == 10
    x = torch.randn(3, 16, 1000)
    first, second, mean = (load_network(folder)(x) for folder in (several, tmp_path / "alone", tmp_path / "both"))
    torch.testing.assert_close(mean, 0.8 * first + 0.2 * second, atol=0.02, rtol=0)


def test_a_model_of_other_outputs_cannot_stand_beside(several, tmp_path) -> None:
    run = run_of(("mi_sttc",), options=replace(QUICK, beside=str(several)), entry=MODELS["resnet1d_se"])
    with pytest.raises(OptionsError, match="beside takes a model of the same outputs"):
        train(run, tiny_set(), tmp_path / "both")
    assert not (tmp_path / "both" / "model.safetensors").exists()


def test_a_blend_needs_a_start() -> None:
    with pytest.raises(OptionsError, match="name a start"):
        TrainOptions(blend=0.5)
