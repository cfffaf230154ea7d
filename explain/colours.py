"""Colours of attribution.

Ours are safe for colour-vision deficiency: white over orange to vermillion for what speaks for the target, white to
blue for what speaks against it (Okabe & Ito, Color Universal Design, 2008). The published figures have their own maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AGAINST", "FOR", "colour_map", "normalised", "tinted"]

#: Full colours, red, green, blue from 0 to 1.
FOR, AGAINST = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698)
#: Share of the samples with any attribution that may exceed the full colour: a single spike would leave the rest white.
_SPIKES = 0.01


def normalised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Bring values to −1 to 1, the largest one in a hundred held at full colour.

    Parameters
    ----------
    values : float array

    Returns
    -------
    float64 array of the same shape

    Examples
    --------
    >>> normalised(np.array([0.0, 2.0, -1.0])).tolist()
    [0.0, 1.0, -0.5]
    """
    size = np.abs(np.asarray(values, dtype=np.float64))
    some = size[size > 0]
    if not some.size:
        return np.zeros(size.shape)
    limit = float(np.quantile(some, 1 - _SPIKES, method="higher"))
    return np.asarray(np.clip(np.asarray(values, dtype=np.float64) / limit, -1, 1))


def tinted(image: NDArray[np.uint8], heat: NDArray[np.floating], strength: float = 0.85) -> NDArray[np.uint8]:
    """Tint a picture by multiplication, so that ink stays as dark as it is.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    heat : float array [height, width]
        −1 to 1.
    strength : float
        Of the full colour.

    Returns
    -------
    uint8 array of the image's shape
    """
    amount = (strength * np.abs(heat))[..., None]
    colour = np.where(heat[..., None] >= 0, np.array(FOR), np.array(AGAINST))
    out = image * (1 - amount * (1 - colour))
    return np.asarray(np.clip(np.rint(out), 0, 255), dtype=np.uint8)


def colour_map(signed: bool) -> Any:
    """Matplotlib's colour map of ours, from 0 or −1 to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    white = (1.0, 1.0, 1.0)
    return LinearSegmentedColormap.from_list("attribution", [AGAINST, white, FOR] if signed else [white, FOR])
