"""Loops over pixels, compiled: imported where they run, for numba costs a second to load."""

from __future__ import annotations

from typing import Any

import numpy as np

from synth.stroke import njit_cached

__all__ = ["add_grain", "fade_pixels", "shade_pixels"]


@njit_cached
def shade_pixels(image: Any, gain: Any, add: Any, pivot: Any, table: Any, out: Any) -> None:
    """Do `synth.degrade.field.shade` for every pixel, gains in 2^-14 and additions in 2^-8."""
    height, width = image.shape[0], image.shape[1]
    columns = gain.shape[1]
    line, plus = np.empty((columns, 3), np.int64), np.empty(columns, np.int64)
    for row in range(height):
        r = row // 16
        b = row - 16 * r
        for c in range(columns):
            for k in range(3):
                line[c, k] = gain[r, c, k] * (16 - b) + gain[r + 1, c, k] * b
            plus[c] = add[r, c] * (16 - b) + add[r + 1, c] * b
        for c in range((width + 15) // 16):
            left = 16 * c
            right = min(left + 16, width)
            for k in range(3):
                g, a = line[c, k] * 16, plus[c] * 16
                dg, da = line[c + 1, k] - line[c, k], plus[c + 1] - plus[c]
                p = pivot[k]
                for column in range(left, right):
                    value = (np.int64(image[row, column, k]) - p) * (g >> 8)
                    value = ((value + (a >> 2) + 8192) >> 14) + p
                    out[row, column, k] = table[k, min(max(value, 0), 255)]
                    g += dg
                    a += da


@njit_cached
def add_grain(image: Any, tile: Any, gain: Any, top: int, left: int, out: Any) -> None:
    """Do `synth.degrade.optics.apply_grain` for every pixel, gains by brightness in 2^-10."""
    rows, columns = tile.shape[0], tile.shape[1]
    for row in range(image.shape[0]):
        i = (row + top) % rows
        j = left
        for column in range(image.shape[1]):
            for k in range(3):
                value = np.int64(image[row, column, k])
                value += (tile[i, j, k] * gain[value] + 512) >> 10
                out[row, column, k] = min(max(value, 0), 255)
            j += 1
            if j == columns:
                j = 0


@njit_cached
def fade_pixels(image: Any, keep: Any, rows: Any, columns: Any, paper: Any, out: Any) -> None:
    """Do `synth.degrade.paper.apply_fade` for every pixel, shares kept in 2^-12; grid colours stay."""
    height, width = image.shape[0], image.shape[1]
    line = np.empty(keep.shape[1], np.int64)
    for row in range(height):
        r = row // 16
        b = row - 16 * r
        for c in range(keep.shape[1]):
            line[c] = ((keep[r, c] * (16 - b) + keep[r + 1, c] * b) * rows[row]) >> 12
        for column in range(width):
            red, green, blue = image[row, column, 0], image[row, column, 1], image[row, column, 2]
            out[row, column, 0], out[row, column, 1], out[row, column, 2] = red, green, blue
            # Ink is dark in every colour; lines of a grid are light in one of them.
            ink = np.int64(190) - np.int64(max(red, max(green, blue)))
            if ink <= 0:
                continue
            c, a = column >> 4, column & 15
            kept = ((line[c] * (16 - a) + line[c + 1] * a) >> 8) * columns[column] >> 12
            lost = (4096 - min(max(kept, 0), 4096)) * min(ink, 90) // 90
            for k in range(3):
                value = np.int64(image[row, column, k])
                out[row, column, k] = value + (((paper[k] - value) * lost) >> 12) if paper[k] > value else value
