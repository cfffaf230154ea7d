"""Gradients and maps against closed forms, on networks that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from classify.inputs import InputSpec
from classify.models import MODELS, ModelEntry
from ecg.errors import ModelError
from ecg.record import LEADS, ECGRecord

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
from subjects import card_of, heart, subject  # noqa: E402

from explain.features import feature_waves, without_features  # noqa: E402
from explain.gradcam import column_centres, grad_cam, guided_grad_cam, time_map  # noqa: E402
from explain.gradients import (  # noqa: E402
    baseline_of,
    guided_input,
    integrated_gradients,
    integrated_smooth,
    saliency,
    spread,
)
from explain.guided import guided_gradient, guided_rectifiers  # noqa: E402
from explain.occlusion import occlusion  # noqa: E402
from explain.scorecam import score_cam  # noqa: E402
from explain.subject import subject_of  # noqa: E402
from explain.view import view_of  # noqa: E402

nn = torch.nn
SPEC = InputSpec(kind="leads", fs=100, seconds=10, normalise="scale", scale_mv=1.0)
LEAD = LEADS.index("V3")


class By(nn.Module):  # type: ignore[misc]
    """Network whose logit is a function of the input."""

    def __init__(self, logit: Callable[[Any], Any]) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, x: Any, extra: Any = None) -> Any:
        del extra
        return self.logit(x)


class OneLead(nn.Module):  # type: ignore[misc]
    """ReLU of one lead, smoothed, pooled by 10 and summed over a stretch: only V3 from 4 to 6 s matters."""

    def __init__(self, rectify: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(12, 2, 1, bias=False)
        with torch.no_grad():
            self.convolution.weight.zero_()
            self.convolution.weight[0, LEAD, 0] = 1.0
        self.act = nn.ReLU() if rectify else nn.Identity()
        self.pool = nn.AvgPool1d(10)
        self.register_buffer("where", torch.zeros(100))
        self.where[40:60] = 1.0
        self.features = nn.Sequential(self.convolution, self.act, self.pool)

    def forward(self, x: Any, extra: Any = None) -> Any:
        del extra
        return 10 * (self.features(x)[:, :1] * self.where).sum(-1)


def opened(network: Any) -> Any:
    entry = ModelEntry(
        name="xresnet1d101", build=lambda _: network, spec=SPEC, n_parameters=0, source="", explains="features"
    )
    return subject_of(network.eval(), card_of(MODELS["xresnet1d101"], input_spec=SPEC.to_dict(), arguments={}), entry)


def bumps() -> ECGRecord:
    """Every lead 1 mV up for 0.5 s at 5 s, and 1 mV down at 2 s."""
    signal = np.zeros((12, 1000), dtype=np.float32)
    signal[:, 500:550] = 1.0
    signal[:, 200:250] = -1.0
    return ECGRecord(signal, 100, LEADS)


def test_integrated_gradients_of_a_rectified_sum_are_the_signal_itself() -> None:
    view = view_of(bumps(), SPEC)
    found = integrated_gradients(opened(OneLead()), view, 0)
    wanted = np.zeros((12, 1000))
    wanted[LEAD, 500:550] = 1.0
    assert np.allclose(found.values, wanted, atol=1e-5)
    assert found.delta is not None
    assert found.delta < 1e-4


def test_the_integral_is_refined_until_it_is_complete_or_told_to_be_incomplete() -> None:
    steep = By(lambda x: torch.sigmoid(400 * (x[:, LEAD, 510:511] - 0.5003)))
    view = view_of(bumps(), SPEC)
    found = integrated_gradients(opened(steep), view, 0)
    assert found.steps > 32
    assert found.delta is not None
    assert (found.delta <= 0.01) == (not found.notes)

    step = By(lambda x: torch.sigmoid(40_000 * (x[:, LEAD, 510:511] - 0.50013)))
    rough = integrated_gradients(opened(step), view, 0)
    assert rough.steps >= 500
    assert "off after 500 steps" in rough.notes[0]


def test_saliency_is_the_size_of_the_gradient() -> None:
    found = saliency(opened(OneLead()), view_of(bumps(), SPEC), 0)
    wanted = np.zeros((12, 1000))
    wanted[LEAD, 500:550] = 1.0  # the rectifier is closed at 0
    assert np.allclose(found.values, wanted)


def test_grad_cam_stands_on_the_lead_that_alone_carries_the_signal() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    cam = grad_cam(given, view, 0)
    assert cam.values.max() == 1
    assert np.flatnonzero(cam.values.any(axis=1)).tolist() == [LEAD], "one lead alone"
    assert cam.values[LEAD, 505:545].min() > 0.9
    assert not cam.values[LEAD, :490].any()
    assert "no leads of its own" in cam.notes[0]
    both = guided_grad_cam(given, view, 0)
    assert np.flatnonzero(both.values.any(axis=1)).tolist() == [LEAD]


def test_grad_cam_is_nought_where_nothing_speaks_for_the_target() -> None:
    network = OneLead()
    with torch.no_grad():
        network.where *= -1
    assert not grad_cam(opened(network), view_of(bumps(), SPEC), 0).values.any()


def test_score_cam_finds_the_stretch_that_the_answer_rests_on() -> None:
    view = view_of(bumps(), SPEC)
    found = score_cam(opened(OneLead()), view, 0)
    assert np.flatnonzero(found.values.any(axis=1)).tolist() == [LEAD]
    assert found.values[LEAD, 505:545].min() > 0.9
    assert found.steps == 4, "two channels, the baseline and a gradient"


def test_spreading_keeps_each_lead_s_sum_where_it_is_shown() -> None:
    rng = np.random.default_rng(0)
    values, shown = rng.normal(size=(12, 400)), np.ones((12, 400), dtype=bool)
    shown[0, 100:] = False
    shown[1, 180:220] = False
    values[~shown] = 0
    found = spread(values, shown, 100.0)
    np.testing.assert_allclose(found.sum(axis=1), values.sum(axis=1), atol=1e-4)
    assert not found[~shown].any()
    one = np.zeros((1, 201))
    one[0, 100] = 1
    wide = spread(one, np.ones((1, 201), dtype=bool), 500.0)
    assert np.ptp(np.flatnonzero(wide[0] > wide.max() / 2)) / 500 == pytest.approx(0.07, abs=0.005)


def test_smooth_integrated_gradients_are_the_plain_ones_spread() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    smooth, plain = integrated_smooth(given, view, 0), integrated_gradients(given, view, 0)
    np.testing.assert_allclose(smooth.values, spread(plain.values, view.shown, 100.0), atol=1e-5)
    assert smooth.delta == pytest.approx(0, abs=1e-4)
    assert smooth.steps == 32
    assert smooth.values.sum() == pytest.approx(50, rel=1e-3), "the logit: 0.5 s of 1 mV in tens of samples, times ten"


def test_guided_gradient_times_input_has_the_sign_of_what_it_says() -> None:
    two = By(lambda x: torch.relu(x[:, 0]).sum(-1, keepdim=True) + torch.relu(-2 * x[:, 1]).sum(-1, keepdim=True))
    found = guided_input(opened(two), view_of(bumps(), SPEC), 0)
    assert found.values[0].sum() == pytest.approx(50, rel=1e-4), "half a second of 1 mV"
    assert int(found.values[0].argmax()) in range(505, 545)
    assert found.values[1].sum() == pytest.approx(100, rel=1e-4), "down by 1 mV where down is what counts, twice"
    assert int(found.values[1].argmax()) in range(205, 245)
    assert not found.values[2:].any()
    against = By(lambda x: torch.relu(x[:, 0] + 2).sum(-1, keepdim=True))
    assert guided_input(opened(against), view_of(bumps(), SPEC), 0).values[0, 220] < 0, "a lead that is down lowers it"


def test_guided_backpropagation_stops_what_speaks_against() -> None:
    two = By(lambda x: torch.relu(x[:, 0]).sum(-1, keepdim=True) - nn.functional.relu(x[:, 1]).sum(-1, keepdim=True))
    given, view = opened(two), view_of(bumps(), SPEC)
    x = torch.from_numpy(view.x[None])
    found = guided_gradient(given, x, given.scorer(0))[0]
    assert found[0, 500:550].eq(1).all()
    assert not found[0, :500].any()
    assert not found[1].any(), "the plain gradient there is -1"

    smooth = By(lambda x: nn.functional.gelu(x[:, 0]).sum(-1, keepdim=True))
    given = opened(smooth)
    slope = guided_gradient(given, x, given.scorer(0))[0, 0]
    assert slope[510] == pytest.approx(1.0833, abs=1e-3), "the slope of GELU at 1"
    assert slope[210] == 0

    linear = By(lambda x: x.sum((1, 2))[:, None])
    given = opened(linear)
    with pytest.raises(ModelError, match="needs rectifiers"):
        guided_gradient(given, x, given.scorer(0))


def test_the_answer_under_guided_backpropagation_is_the_plain_one() -> None:
    given = subject("resnet1d_se")
    x = torch.randn(2, 16, 1000, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with torch.enable_grad(), guided_rectifiers():
        guided = given.network(x)
    torch.testing.assert_close(guided, given.network(x))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_columns_stand_where_their_convolutions_look(stride: int) -> None:
    """Three strided convolutions of one, padded evenly: column k looks at sample k times all strides."""
    torch.manual_seed(0)
    parts: list[Any] = [nn.Conv1d(12 if k == 0 else 4, 4, 7, stride, 3) for k in range(3)]
    layer = nn.Sequential(*parts)
    x = torch.randn(1, 12, 1024)
    columns = layer(x).shape[-1]
    centres = column_centres(layer, layer, x, columns)
    step = 1024 / columns
    assert np.allclose(np.diff(centres), step)
    middle = columns // 2
    assert abs(centres[middle] - step * middle) < 0.2 * step + 0.5
    if stride == 4:
        edge_to_edge = (middle + 0.5) * step - 0.5
        assert edge_to_edge - centres[middle] > 20, "what interpolation would have taken: 0.3 s late at 100 Hz"


def test_a_map_with_leads_keeps_them() -> None:
    given = subject("ecg_smart_net")
    view = view_of(heart(), given.classifier.spec)
    assert time_map(given, view, 0).shape == (12, 200)
    assert not grad_cam(given, view, 0).notes


def test_occlusion_charges_the_wave_that_decides() -> None:
    record = heart("norm")
    qrs = next(w for w in record.meta["waves"] if w["qrs_onset_s"] > 4)
    a, b = (round(qrs[name] * 100) for name in ("qrs_onset_s", "qrs_offset_s"))

    peak = By(lambda x: x[:, LEAD, a:b].abs().sum(-1, keepdim=True))
    found = occlusion(opened(peak), view_of(record, SPEC), 0)
    share = np.abs(found.values).sum(axis=1)
    assert LEADS[int(share.argmax())] == "V3"
    assert not np.delete(share, LEAD).any()
    from explain.anatomy import WAVES, wave_labels

    where = wave_labels(record, 100, 1000)[LEAD]
    assert set(where[np.flatnonzero(found.values[LEAD])].tolist()) <= {
        WAVES.index("QRS"),
        WAVES.index("ST"),
        WAVES.index("P"),
        0,
    }
    by_wave = {name: float(found.values[LEAD][where == k].sum()) for k, name in enumerate(WAVES)}
    assert by_wave["QRS"] > 0.5 * sum(abs(v) for v in by_wave.values())


def test_without_beats_the_patches_are_stretches_of_time() -> None:
    flat = ECGRecord(np.random.default_rng(0).normal(0, 0.01, (12, 1000)), 100, LEADS)
    found = occlusion(opened(OneLead()), view_of(flat, SPEC), 0)
    assert "0.2 s" in found.notes[0]
    assert found.values[LEAD].any()


def test_every_feature_has_a_lead_and_a_wave() -> None:
    from classify.morphology import FEATURES

    groups = feature_waves()
    assert sorted(place for places in groups.values() for place in places) == list(range(len(FEATURES)))
    assert [FEATURES[k] for k in groups[("V2", "ST")]] == ["V2_j_mv", "V2_j40_mv", "V2_j80_mv"]
    assert [FEATURES[k] for k in groups[("", "P")]] == ["pr_ms"]
    from classify.patterns import PATTERNS

    groups = feature_waves(PATTERNS)
    assert {place for places in groups.values() for place in places} == set(range(len(PATTERNS)))
    assert {lead for lead, _ in groups} == {*LEADS, ""}
    told = {PATTERNS[k] for k in groups[("V3", "QRS")]}
    assert {"V3_q_mv", "V3_height_mv", "anterior_q_share", "cornell_mv", "transition"} <= told
    assert "anterior_st_high" in {PATTERNS[k] for k in groups[("V4", "ST")]}
    assert "rr_sd" in {PATTERNS[k] for k in groups[("", "rest")]}


def test_taking_a_wave_from_trees_takes_all_that_was_measured_on_it() -> None:
    from classify.patterns import PATTERNS

    view = view_of(heart(), MODELS["page_trees"].spec)
    gone = np.zeros((3, 12, 5), dtype=bool)
    gone[1, LEADS.index("V3"), 2] = True
    gone[2] = True
    x = without_features(view, gone)
    known = np.isfinite(view.x)
    assert np.array_equal(np.isfinite(x[0]), known)
    away = {PATTERNS[k] for k in np.flatnonzero(known & ~np.isfinite(x[1]))}
    assert {"V3_r_mv", "anterior_q_share"} <= away
    assert not any(name.startswith("V2_") for name in away)
    assert not np.isfinite(x[2]).any()


def test_baselines_hold_no_signal() -> None:
    offset = bumps().signal + np.arange(12)[:, None]
    view = view_of(ECGRecord(offset, 100, LEADS), SPEC)
    assert not baseline_of(view, "zero").any()
    assert np.allclose(baseline_of(view, "flat"), np.arange(12)[:, None])
    paper = MODELS["resnet1d_se"].spec
    view = view_of(heart(), paper)
    assert baseline_of(view, "zero")[8:].all(), "rows of presence hold no signal"
