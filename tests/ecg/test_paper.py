import pytest

from ecg import LAYOUTS, LEADS, LeadBox, PageLayout, PaperScale, RecordError
from ecg.paper import CABRERA, MM_PER_INCH


def test_an_inch_is_25_4_mm_not_25():
    scale = PaperScale.from_dpi(200)
    assert scale.px_per_mm_x == 200 / 25.4
    assert MM_PER_INCH == 25.4
    # Standard paper: 25 mm/s and 10 mm/mV.
    assert scale.px_per_s == pytest.approx(196.850394)
    assert scale.px_per_mv == pytest.approx(78.740157)


def test_speed_and_gain_scale_the_axes():
    scale = PaperScale(8.0, 4.0, 50.0, 5.0)
    assert (scale.px_per_s, scale.px_per_mv) == (400.0, 20.0)


@pytest.mark.parametrize("field", ["px_per_mm_x", "px_per_mm_y", "speed_mm_per_s", "gain_mm_per_mv"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "8"])
def test_an_impossible_scale_is_refused(field, value):
    given = {"px_per_mm_x": 8.0, "px_per_mm_y": 8.0, "speed_mm_per_s": 25.0, "gain_mm_per_mv": 10.0, field: value}
    with pytest.raises(RecordError, match=field):
        PaperScale(**given)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_shows_the_twelve_leads_once_in_its_own_shape(name):
    layout = LAYOUTS[name]
    shown = [lead for row in layout.rows for lead in row]
    assert sorted(shown) == sorted(LEADS)
    rows, _, rest = name.partition("x")
    columns, _, strips = rest.partition("+")
    assert layout.shape == (int(rows), int(columns))
    assert len(layout.rhythm) == int(strips or 0)
    assert layout.n_lines == int(rows) + int(strips or 0)


def test_leads_run_down_the_columns():
    assert LAYOUTS["3x4"].rows == (
        ("I", "aVR", "V1", "V4"),
        ("II", "aVL", "V2", "V5"),
        ("III", "aVF", "V3", "V6"),
    )
    assert [row[0] for row in LAYOUTS["6x2"].rows] == ["I", "II", "III", "aVR", "aVL", "aVF"]
    assert LAYOUTS["12x1"].rows == tuple((lead,) for lead in LEADS)
    assert set(CABRERA) - set(LEADS) == {"-aVR"}


@pytest.mark.parametrize(
    ("name", "rows", "rhythm"),
    [
        ("3by4", (("I",),), ()),
        ("2x1", (("I",),), ()),
        ("1x2", (("I",),), ()),
        ("1x1+1", (("I",),), ()),
        ("2x1", (("I",), ("II", "III")), ()),
    ],
)
def test_a_layout_must_be_what_its_name_says(name, rows, rhythm):
    with pytest.raises(RecordError):
        PageLayout(name, rows, rhythm)


def test_an_empty_layout_has_no_columns():
    assert PageLayout("0x0", ()).shape == (0, 0)


@pytest.mark.parametrize(
    ("xyxy", "start_s", "stop_s"),
    [((5, 0, 5, 9), 0, 1), ((0, 9, 5, 9), 0, 1), ((0, 0, 5, 9), 1, 1), ((0, 0, 5, 9), 0, float("nan"))],
)
def test_a_lead_box_has_area_and_lasts(xyxy, start_s, stop_s):
    with pytest.raises(RecordError, match="lead V1"):
        LeadBox("V1", xyxy, start_s, stop_s)
