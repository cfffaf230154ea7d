"""Channels of different rates and starts, brought onto the one clock of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.formats.bounds import check_samples
from ecg.formats.names import unique_names
from ecg.formats.options import ReadOptions
from ecg.record import ECGRecord, resample

__all__ = ["Channel", "on_one_clock"]


@dataclass(frozen=True, eq=False)
class Channel:
    """One lead as its file holds it.

    Parameters
    ----------
    lead : str
    samples : float array [samples]
        Millivolts, NaN where missing.
    fs : float
        Hz.
    start_s : float
        Time of the first sample in seconds, on a clock that all channels share.
    """

    lead: str
    samples: NDArray[Any]
    fs: float
    start_s: float = 0.0


def on_one_clock(
    channels: Sequence[Channel], name: str, options: ReadOptions, meta: Mapping[str, Any] | None = None
) -> ECGRecord:
    """Record at the highest rate among the channels; slower ones are resampled, absent stretches are NaN.

    Parameters
    ----------
    channels : sequence of Channel
        At least one. Repeated names are numbered (`unique_names`).
    name : str
        The file, for messages.
    options : ReadOptions
    meta : mapping, optional
        Goes into the record.

    Returns
    -------
    ECGRecord
        Starts with the earliest sample of any channel.

    Raises
    ------
    FormatError
        If the channels lie so far apart that the record would be larger than allowed.
    """
    fs = max(channel.fs for channel in channels)
    first = min(channel.start_s for channel in channels)
    starts = [round((channel.start_s - first) * fs) for channel in channels]
    lengths = [round(channel.samples.size * fs / channel.fs) for channel in channels]
    n = max(start + length for start, length in zip(starts, lengths, strict=True))
    check_samples(n * len(channels), name, options)
    signal = np.full((len(channels), n), np.nan, dtype=np.float32)
    for row, (channel, start) in enumerate(zip(channels, starts, strict=True)):
        samples = channel.samples
        if channel.fs != fs:
            samples = resample(ECGRecord(samples[None], channel.fs, (channel.lead,)), fs).signal[0]
        signal[row, start : start + samples.size] = samples[: n - start]
    return ECGRecord(signal, fs, unique_names(channel.lead for channel in channels), meta or {})
