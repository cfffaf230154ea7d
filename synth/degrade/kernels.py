"""Loops over pixels, compiled: imported where they run, for numba costs a second to load."""

from __future__ import annotations

from typing import Any

import numpy as np

from synth.stroke import njit_cached

__all__ = ["add_grain", "beat", "bilevel", "develop", "fade_pixels", "shade_pixels"]


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


@njit_cached
def develop(
    light: Any,
    shift: Any,
    lines: Any,
    levels: Any,
    left: Any,
    top: Any,
    right: Any,
    bottom: Any,
    fall: int,
    lid: int,
    table: Any,
    tile: Any,
    pepper: int,
    raster: Any,
    offset: Any,
    out: Any,
) -> None:
    """Turn light on a drum into toner for `synth.degrade.copies.apply_photocopy`: one pass over a grey picture."""
    height, width = light.shape
    rows, columns = tile.shape
    ragged = np.empty(width, np.int64)
    for row in range(height):
        i = (row + offset[0]) % rows
        r = row // 16
        b = row - 16 * r
        for column in range(width):
            c, a = column >> 4, column & 15
            ragged[column] = (
                (shift[r, c] * (16 - a) + shift[r, c + 1] * a) * (16 - b)
                + (shift[r + 1, c] * (16 - a) + shift[r + 1, c + 1] * a) * b
            ) >> 8
        j = offset[1] % columns
        for column in range(width):
            grain = np.int64(tile[i, j])
            j += 1
            if j == columns:
                j = 0
            # Toner is powder: the curve's steepness lets a few grey levels of unrest decide about a speck.
            value = np.int64(light[row, column]) + ragged[column] + (grain >> 2)
            if raster.size > 0:
                value += raster[(row + column) & 4095] * raster[(row - column) & 4095] >> 4
            value = np.int64(table[min(max(value, 0), 255)])
            deep = max(
                max(left[row] - column, top[column] - row),
                max(right[row] - (width - 1 - column), bottom[column] - (height - 1 - row)),
            )
            edge = np.int64(0)
            if deep > 0:
                edge = min(deep * fall >> 8, lid) + (grain >> 1)
            line = lines[column] + levels[row]
            value -= max(line * (200 + grain) >> 8, edge)
            if line < 0:
                value += (255 - value) * -line >> 8
            if grain > pepper:
                value -= 200
            out[row, column] = min(max(value, 0), 255)


@njit_cached
def bilevel(
    dots: Any, threshold: int, white: int, diffused: bool, tile: Any, noise: int, offset: Any, out: Any
) -> None:
    """Make dots black or white for `synth.degrade.copies.apply_fax`, by threshold or error diffusion (in 16ths)."""
    height, width = dots.shape
    rows, columns = tile.shape
    errors = np.zeros((2, width + 2), np.int64)
    for row in range(height):
        i = (row + offset[0]) % rows
        now, below = row & 1, 1 - (row & 1)
        for column in range(width + 2):
            errors[below, column] = 0
        for column in range(width):
            value = np.int64(dots[row, column]) + (tile[i, (column + offset[1]) % columns] * noise >> 10)
            if not diffused:
                out[row, column] = 255 if value >= threshold else 0
                continue
            # The paper is sent as white: halftones stand for what is darker.
            value = value * 255 // max(white, 1) + (errors[now, column + 1] >> 4)
            out[row, column] = 255 if value >= 128 else 0
            error = min(max(value, -255), 510) - np.int64(out[row, column])
            errors[now, column + 2] += 7 * error
            errors[below, column] += 3 * error
            errors[below, column + 1] += 5 * error
            errors[below, column + 2] += error


@njit_cached
def beat(image: Any, phases: Any, tables: Any, rows: Any, out: Any) -> None:
    """Do `synth.degrade.screen.apply_moire` for every pixel: phases in 2^-20 of a turn, light in 2^-12."""
    height, width = image.shape[0], image.shape[1]
    for row in range(height):
        r = row // 16
        b = row - 16 * r
        for c in range((width + 15) // 16):
            left = 16 * c
            for column in range(left, min(left + 16, width)):
                a = column - left
                red, green, blue = rows[row], rows[row], rows[row]
                for k in range(phases.shape[0]):
                    p = phases[k]
                    upper = p[r, c] * (16 - a) + p[r, c + 1] * a
                    lower = p[r + 1, c] * (16 - a) + p[r + 1, c + 1] * a
                    at = ((upper * (16 - b) + lower * b) >> 20) & 255
                    red += tables[k, at, 0]
                    green += tables[k, at, 1]
                    blue += tables[k, at, 2]
                out[row, column, 0] = min((image[row, column, 0] * red + 2048) >> 12, 255)
                out[row, column, 1] = min((image[row, column, 1] * green + 2048) >> 12, 255)
                out[row, column, 2] = min((image[row, column, 2] * blue + 2048) >> 12, 255)
