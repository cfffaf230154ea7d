"""Ink shared out by what a network says: lines found by votes, beats across another line, letters that nobody drew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import digitize.owner.sharing
from digitize.owner import NOBODY, OwnerMap, line_of_each_pixel, own_ink, owned_rows, owner_map
from digitize.owner.levels import find_levels
from digitize.owner.owners import PX_PER_MM, UNIT_MM
from digitize.trace import Row
from ecg.errors import ModelError

#: Pixels a millimetre of the page, and the levels of its two lines, which stand 12 mm apart.
MM = 8.0
LEVELS = (200, 296)
#: Columns of ink: from 10 to 130 mm.
FIRST, LAST = 80, 1040


def crossing() -> tuple[np.ndarray, np.ndarray]:
    """Share of ink and its owner (0 the upper line, 1 the lower): the upper line's S waves reach 4 mm below the lower.

    They are 3 pixels wide and stand every 20 mm; beside the first stand letters, which nobody owns.
    """
    share = np.zeros((480, 1120), np.float32)
    owner = np.full(share.shape, NOBODY, np.uint8)
    for k, level in enumerate(LEVELS):
        share[level - 1 : level + 2, FIRST:LAST] = 1
        owner[level - 1 : level + 2, FIRST:LAST] = k
    for x in range(160, 1000, 160):
        share[LEVELS[0] : LEVELS[1] + 32, x : x + 3] = 1
        owner[LEVELS[0] : LEVELS[1] + 32, x : x + 3] = 0
    share[230:250, 100:124:4] = 1
    return share, owner


def told(owner: np.ndarray) -> OwnerMap:
    """What a network that makes no mistake says of the page, at its own resolution."""
    zoom = PX_PER_MM / MM
    seen = owner[:: round(1 / zoom), :: round(1 / zoom)]
    level = np.where(seen == 0, LEVELS[0], LEVELS[1]).astype(np.float32)
    return OwnerMap((seen != NOBODY).astype(np.float32), level, np.full(seen.shape, 0.5 * MM, np.float32), zoom)


def test_lines_stand_where_their_ink_says() -> None:
    share, owner = crossing()
    rows = find_levels(told(owner), share, MM)
    assert [row.level_px for row in rows] == pytest.approx(LEVELS, abs=0.25 * MM)
    for row in rows:
        assert row.start_px == pytest.approx(FIRST, abs=2)
        assert row.stop_px == pytest.approx(LAST, abs=2)


@pytest.mark.parametrize("shown", [1.0, 0.35])
def test_a_line_is_followed_where_its_baseline_has_left_its_level(shown: float) -> None:
    """A third of the upper line lies 5 mm above the rest; so do its last 3 mm, which may be anything."""
    share, owner = crossing()
    level = np.full(owner.shape, LEVELS[0], np.float32)
    for first, last in ((FIRST, 400), (1016, LAST)):
        share[LEVELS[0] - 1 : LEVELS[0] + 2, first:last] = 0
        owner[LEVELS[0] - 1 : LEVELS[0] + 2, first:last] = NOBODY
        share[LEVELS[0] - 41 : LEVELS[0] - 38, first:last] = shown
        owner[LEVELS[0] - 41 : LEVELS[0] - 38, first:last] = 0
        level[LEVELS[0] - 41 : LEVELS[0] - 38, first:last] = LEVELS[0] - 40
    named = told(owner)
    step = round(1 / named.zoom)
    seen = np.where(owner[::step, ::step] == 1, np.float32(LEVELS[1]), level[::step, ::step])
    upper = find_levels(OwnerMap(named.trace, seen, named.error_px, named.zoom), share, MM)[0]
    assert upper.level_px == pytest.approx(LEVELS[0], abs=0.25 * MM)
    assert upper.start_px == pytest.approx(FIRST, abs=step)
    assert upper.stop_px == pytest.approx(1016, abs=step)


def test_a_page_whose_ink_no_lead_drew_has_no_lines() -> None:
    share, owner = crossing()
    assert find_levels(told(np.full_like(owner, NOBODY)), share, MM) == ()


def test_each_pixel_goes_to_the_line_that_its_level_names() -> None:
    share, owner = crossing()
    line = line_of_each_pixel(told(owner), find_levels(told(owner), share, MM), share.shape)
    assert line.shape == share.shape
    # Beyond a cell's width from an edge, each pixel is its own line's.
    assert (line[LEVELS[1] - 20 : LEVELS[1] + 20, 160:162] == 0).all()
    assert (line[LEVELS[1], 200:300] == 1).all()
    assert (line[230:250, 100:120] == NOBODY).all()


def test_a_line_takes_the_ink_of_nobody_by_which_it_reaches_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    share, owner = crossing()
    monkeypatch.setattr(digitize.owner.sharing, "owner_map", lambda *_: told(owner))
    rows, _, line = owned_rows(share, np.full(share.shape, 200, np.uint8), MM)
    loose = np.arange(FIRST, FIRST + 16)  # 2 mm behind a pulse, taken for the pulse's foot
    line[:, loose] = NOBODY
    upper, _ = own_ink(share, line, rows, MM)
    assert upper.found[FIRST + 2 : FIRST + 16].all()
    assert (np.abs(upper.top[loose[2:]] - LEVELS[0]) <= 1).all()
    assert (line[LEVELS[0], loose[2:]] == 0).all()


def test_beats_across_a_line_stay_with_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    share, owner = crossing()
    monkeypatch.setattr(digitize.owner.sharing, "owner_map", lambda *_: told(owner))
    rows, level, line = owned_rows(share, np.full(share.shape, 200, np.uint8), MM)
    assert len(rows) == 2
    assert level == pytest.approx(1, abs=0.05)
    upper, lower = own_ink(share, line, rows, MM)
    columns = np.arange(FIRST + 4, LAST - 4)
    beats = np.zeros(share.shape[1], bool)
    for x in range(160, 1000, 160):
        beats[x : x + 3] = True
    assert upper.found[columns].all()
    assert upper.bottom[beats].min() >= LEVELS[1] + 29
    # The S waves end above their own line again: between them the upper line is three pixels thick.
    quiet = columns[~np.convolve(beats[columns], np.ones(7), "same").astype(bool)]
    np.testing.assert_allclose(upper.top[quiet], LEVELS[0] - 1, atol=1)
    np.testing.assert_allclose(upper.bottom[quiet], LEVELS[0] + 1, atol=1)
    # The lower line passes under them, and never takes them for its own; where one hides it, it says nothing.
    assert lower.found[quiet].all()
    assert lower.top[lower.found].min() >= LEVELS[1] - 4
    assert lower.bottom[lower.found].max() <= LEVELS[1] + 4
    assert not upper.touched[quiet].any()


def test_without_ink_of_a_lead_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    share, owner = crossing()
    monkeypatch.setattr(digitize.owner.sharing, "owner_map", lambda *_: told(np.full_like(owner, NOBODY)))
    rows, _, line = owned_rows(share, np.full(share.shape, 200, np.uint8), MM)
    assert rows == ()
    assert (line == NOBODY).all()


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="reinstall or train it"):
        owner_map(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.uint8), 8.0, tmp_path)


def test_answers_come_in_pixels_of_the_page(tmp_path: Path) -> None:
    """A network that says 8 mm down, an error of 2 mm and a trace at odds of e, everywhere."""
    torch = pytest.importorskip("torch", reason="making a network needs the extra `learn`")
    from digitize.fusing import fuse
    from digitize.owner.network import OwnerNetwork, Shape, export_onnx

    network = fuse(OwnerNetwork(Shape(4, 4, 4, 4, 4)))
    answers = torch.tensor([1.0, 0.0, 0.0, 8 / UNIT_MM, float(np.log(2 / UNIT_MM))])
    with torch.no_grad():
        network.head.weight.zero_()
        # Four pixels of a cell share an answer: channels are in fours.
        network.head.bias.copy_(answers.repeat_interleave(4))
    export_onnx(network, tmp_path / "model.onnx")
    ink = np.zeros((160, 240), np.float32)
    ink[[0, -1], [0, -1]] = 1  # from corner to corner
    page = owner_map(ink, np.full(ink.shape, 200, np.uint8), MM, tmp_path)
    assert page.trace.shape == (80, 120)
    np.testing.assert_allclose(page.trace, 1 / (1 + np.exp(-1)), rtol=1e-5)
    np.testing.assert_allclose(page.error_px, 2 * MM, rtol=1e-5)
    # Row r of the map is row 2 r + 1/2 of the page.
    want = 2 * np.arange(80) + 0.5 + 8 * MM
    np.testing.assert_allclose(page.level_px, np.repeat(want[:, None], 120, 1), atol=0.01)
    # Bare paper, 8 mm and more from the ink, is nobody's; what is seen stands where it did.
    ink[0, 0] = 0
    part = owner_map(ink, np.full(ink.shape, 200, np.uint8), MM, tmp_path)
    assert not part.trace[:, :64].any()
    assert not part.trace[:32].any()
    for name in ("trace", "level_px", "error_px"):
        np.testing.assert_array_equal(getattr(part, name)[32:, 64:], getattr(page, name)[32:, 64:])


def test_a_faint_spike_is_followed_to_its_tip() -> None:
    """Two columns of 0.35 each, as blur leaves of a thin stroke; beside it grid of the same darkness lies level."""
    share = np.zeros((200, 1000), np.float32)
    share[100:103, 50:950] = 1
    share[40:101, 500:502] = 0.35
    share[90, 300:380] = 0.35
    line = np.where(share > 0, 0, NOBODY).astype(np.uint8)
    row = Row(np.full(1000, 101, np.int64), 50, 950, 101.0, 1.0)
    own = own_ink(share, line, [row], MM)[0]
    assert own.top[500:502].min() == pytest.approx(40, abs=1)
    assert (own.top[300:380] >= 100).all()
