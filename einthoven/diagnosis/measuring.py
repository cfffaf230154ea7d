"""Measurements of a diagnosis: as `ecg.measure` gives them, and what a signal without a unit cannot have."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ecg.measure import Measurement, Measurements, measure
from ecg.record import ECGRecord

__all__ = ["INTERVALS", "measured", "measurements_document"]

#: Fields of `ecg.measure.Measurements` with one figure each, in the order in which a reader looks at them, with names.
INTERVALS = {
    "rate": "Heart rate",
    "sdnn": "RR variability, SDNN",
    "rmssd": "RR variability, RMSSD",
    "pr": "PR interval",
    "qrs": "QRS duration",
    "qt": "QT interval",
    "qtc_bazett": "QTc, Bazett",
    "qtc_fridericia": "QTc, Fridericia",
    "axis": "Frontal QRS axis",
}


def measured(record: ECGRecord) -> Measurements:
    """Measure a record; a signal without a unit keeps its times and has no ST level.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    Measurements
    """
    found = measure(record)
    if record.meta.get("units") != "NU":
        return found
    none = Measurement(None, "mV", "not measurable", "the record has no unit")
    return replace(found, st=MappingProxyType(dict.fromkeys(found.st, none)))


def measurements_document(measurements: Measurements | None) -> dict[str, Any]:
    """Measurements as plain data: ``{value, unit, quality, reason}`` each.

    Parameters
    ----------
    measurements : Measurements or None

    Returns
    -------
    dict
        Empty where nothing was measured.
    """
    if measurements is None:
        return {}
    return {
        **{name: _plain(getattr(measurements, name)) for name in INTERVALS},
        "st": {lead: _plain(one) for lead, one in measurements.st.items()},
        "rhythm_leads": list(measurements.rhythm_leads),
        "beats_s": [round(float(t), 4) for t in measurements.beats_s],
    }


def _plain(one: Measurement) -> dict[str, Any]:
    # A tenth of a ms, a degree or a beat and a thousandth of a mV are finer than any reading.
    digits = 4 if one.unit == "mV" else 1
    value = None if one.value is None else round(one.value, digits)
    return {"value": value, "unit": one.unit, "quality": one.quality, "reason": one.reason}
