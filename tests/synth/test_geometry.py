import numpy as np
import pytest

from synth.degrade.geometry import crop, mirror, perspective, rotation, sample_perspective, scale, turn
from synth.degrade.geometry_warp import Frame
from synth.page import move_points

FRAME = Frame((300, 200), 7.874)
EDGES = np.array([[0.0, 0.0], [300, 0], [300, 200], [0, 200]]) - 0.5


def moved(warp, points):
    return move_points(warp.matrix, np.array(points, float))


def test_quarter_turns_go_round():
    assert turn(FRAME, {"quarters": 1}).size == (200, 300)
    assert moved(turn(FRAME, {"quarters": 1}), [[299, 0]]).tolist() == [[0, 0]]  # anticlockwise: the right end goes up
    assert moved(turn(FRAME, {"quarters": 2}), [[0, 0]]).tolist() == [[299, 199]]
    assert moved(turn(FRAME, {"quarters": 3}), [[0, 0]]).tolist() == [[199, 0]]
    twice = turn(Frame((200, 300), 7.874), {"quarters": 1}).matrix @ turn(FRAME, {"quarters": 1}).matrix
    np.testing.assert_array_equal(twice, turn(FRAME, {"quarters": 2}).matrix)


def test_mirrors_crops_and_scales_keep_edges_on_edges():
    assert moved(mirror(FRAME, {}), [[0, 5], [299, 5]]).tolist() == [[299, 5], [0, 5]]
    cut = crop(FRAME, {"cut": [0.1, 0.05, 0.2, 0.5]})
    assert cut.size == (210, 90)
    assert moved(cut, [[30, 10]]).tolist() == [[0, 0]]
    half = scale(FRAME, {"factor": 0.5})
    assert half.size == (150, 100)
    np.testing.assert_allclose(moved(half, EDGES), np.array([[0, 0], [150, 0], [150, 100], [0, 100]]) - 0.5)


def test_a_turn_keeps_the_middle():
    np.testing.assert_allclose(moved(rotation(FRAME, {"angle_deg": 17.0}), [FRAME.middle]), [FRAME.middle])


def camera(**angles):
    step = {"tilt_deg": 0.0, "pan_deg": 0.0, "roll_deg": 0.0, "distance": 1.2, "margin": [0.0] * 4}
    return perspective(FRAME, {**step, **angles})


def test_a_camera_straight_above_shows_the_sheet_as_it_is():
    warp = camera()
    assert warp.size == FRAME.size
    np.testing.assert_allclose(warp.matrix, np.eye(3), atol=1e-12)
    wide = camera(margin=[0.1, 0.2, 0.0, 0.0])
    assert wide.size == (330, 240)
    np.testing.assert_allclose(moved(wide, [[-0.5, -0.5]]), [[29.5, 39.5]])


def test_the_far_side_is_shorter_by_its_distance():
    warp = camera(tilt_deg=20.0)
    quad = moved(warp, EDGES)
    top, bottom = np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3]))
    focus, height = 1.2 * FRAME.diagonal, 100 * np.sin(np.radians(20))
    # The lower edge comes out at the larger depth, or the upper one does: the ratio of their depths tells.
    assert top / bottom == pytest.approx((focus + height) / (focus - height), rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_sheet_keeps_its_area_and_fills_the_picture(seed):
    step = sample_perspective(np.random.default_rng(seed), 25.0, 10.0, (0.0, 0.0))
    warp = perspective(FRAME, step)
    quad = moved(warp, EDGES)
    (x0, y0), (x1, y1) = quad[2] - quad[0], quad[3] - quad[1]
    assert abs(x0 * y1 - y0 * x1) / 2 == pytest.approx(300 * 200, rel=1e-9)
    np.testing.assert_allclose(quad.min(axis=0), -0.5, atol=1e-9)
    np.testing.assert_allclose(quad.max(axis=0) + 0.5, warp.size, atol=0.51)
    assert max(abs(step[name]) for name in ("tilt_deg", "pan_deg")) <= 25
