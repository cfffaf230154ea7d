"""Algebra of the limb leads: six leads on paper, two that are independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIMB_FROM_I_II", "limb_estimate"]

Float = NDArray[np.float64]

#: Limb leads from I and II (Einthoven 1912, Goldberger 1942), in standard order.
LIMB_FROM_I_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]], dtype=np.float64)
#: Squared weights of the limb leads in the estimate: one over the squared gain of a lead against a bipolar one in its
#: direction, (√3/2)² for Goldberger's (Malmivuo & Plonsey 1995, 15.4).
_WEIGHT = np.array([1, 1, 1, 4 / 3, 4 / 3, 4 / 3])


def limb_estimate(there: NDArray[np.bool_]) -> Float:
    """Weights by which limb leads that are shown together tell I and II: the least squares of each lead by its gain.

    Parameters
    ----------
    there : bool array [6]
        Limb leads that are shown, in standard order; two or more.

    Returns
    -------
    float64 array [2, 6]
        0 for leads that are not shown. Its product with `LIMB_FROM_I_II` is the identity.

    Examples
    --------
    >>> bool(np.allclose(limb_estimate(np.ones(6, bool)) @ LIMB_FROM_I_II, np.eye(2)))
    True
    """
    out = np.zeros((2, len(LIMB_FROM_I_II)))
    weight = np.sqrt(_WEIGHT[there])
    out[:, there] = np.linalg.pinv(LIMB_FROM_I_II[there] * weight[:, None]) * weight
    return out
