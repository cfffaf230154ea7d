"""Paper and its grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth.render_place import to_px
from synth.style import PageStyle

__all__ = ["blank_page"]

#: Kinds of grid as the kernel takes them: fine print, strong print; 0 none, 1 lines, 2 dots.
_KINDS = {"lines": (1, 1), "major": (0, 1), "dots": (2, 1), "dotted": (2, 2), "five": (0, 2)}


def blank_page(style: PageStyle) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Draw paper with its grid.

    Parameters
    ----------
    style : PageStyle

    Returns
    -------
    uint8 array [height, width, 3]
    tuple of float
        A crossing of strong lines in pixels.
    """
    from synth.stroke import line_coverage, paint_grid

    width, height = style.size_px
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.tile(np.array(style.paper_rgb, np.uint8), (width, 1))  # by rows: five times as fast as by pixels
    origin = to_px(style.grid_phase_mm[0], style), to_px(style.grid_phase_mm[1], style)
    if not style.grid:
        return image, origin
    k = style.scale.px_per_mm_x
    # The area ends on whole pixels; lines outside it are cut off with it.
    left, top, right, bottom = (max(0, round(edge * k)) for edge in style.grid_box_mm)
    combs = []
    for step_mm, line_mm in ((1.0, style.minor_width_mm), (5.0, style.major_width_mm), (1.0, style.major_width_mm)):
        both = []
        for size, phase, first, last in zip(
            (width, height), style.grid_phase_mm, (left, top), (right, bottom), strict=True
        ):
            at = np.arange(phase % step_mm - step_mm, size / k + step_mm, step_mm) * k - 0.5
            both.append(line_coverage(size, at, line_mm * k)[first:last])
        combs.append((both[0], both[1]))
    colours = (style.field_rgb or style.paper_rgb, style.minor_rgb, style.major_rgb)
    paint_grid(image[top:bottom, left:right], combs[0], combs[1], colours, _KINDS[style.grid_kind], combs[2])
    return image, origin
