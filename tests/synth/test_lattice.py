import numpy as np
import pytest

from synth.lattice import invert, look_up


@pytest.fixture(scope="module")
def bumpy():
    """A smooth map of 8 px cells that stretches, turns and waves."""
    y, x = np.mgrid[0:40, 0:60] * 8.0
    return np.dstack([1.1 * x - 0.2 * y + 9 * np.sin(y / 50), 0.3 * x + 0.9 * y + 7 * np.cos(x / 60)])


def test_what_is_looked_up_is_found_again(bumpy):
    index = np.random.default_rng(0).uniform((0, 0), (59, 39), (2000, 2))
    points = look_up(bumpy, index)
    rough = np.round(index / 4) * 4  # a few cells off
    np.testing.assert_allclose(invert(bumpy, points, rough), index, atol=1e-5)
    np.testing.assert_allclose(invert(bumpy, points, np.full_like(index, 20.0)), index, atol=1e-5)


def test_between_the_points_it_is_bilinear(bumpy):
    a, b = 0.3, 0.8
    (tl, tr), (bl, br) = bumpy[7, 12:14], bumpy[8, 12:14]
    want = (1 - b) * ((1 - a) * tl + a * tr) + b * ((1 - a) * bl + a * br)
    np.testing.assert_allclose(look_up(bumpy, np.array([[12 + a, 7 + b]]))[0], want)


def test_beyond_the_lattice_the_last_cell_goes_on():
    plane = np.dstack(np.meshgrid(np.arange(4) * 3.0, np.arange(5) * 2.0))
    outside = np.array([[-2.5, 1.0], [6.0, 9.0]])
    np.testing.assert_allclose(look_up(plane, outside), outside * (3, 2))
    np.testing.assert_allclose(invert(plane, outside * (3, 2), np.zeros((2, 2))), outside)


def test_a_kink_between_two_cells_is_crossed():
    x = np.array([0.0, 8, 16, 20, 24, 28])  # half as fast from the third point on
    lattice = np.dstack(np.meshgrid(x, np.arange(3) * 8.0))
    found = invert(lattice, np.array([[27.0, 4.0], [1.0, 4.0]]), np.array([[0.0, 0.0], [5.0, 1.0]]))
    np.testing.assert_allclose(found, [[4.75, 0.5], [0.125, 0.5]], atol=1e-6)


def test_nan_stays_nan(bumpy):
    points = np.array([[np.nan, 3.0], [100.0, 80.0]])
    found = invert(bumpy, points, np.array([[1.0, 1.0], [np.nan, 1.0]]))
    assert np.isnan(found).all()
    assert np.isnan(look_up(bumpy, points)[0]).all()
