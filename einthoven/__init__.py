"""Einthoven reads ECGs off paper: scans, photos and PDFs become calibrated 12-lead signals.

The public face, each name loading what it needs when it is first used:

- `classify`: a record, or a file of records or pages, gets probabilities and decisions (`classify.predict.classify`)
- `Prediction`: what `classify` gives (`classify.predict.Prediction`)
- `read`: a file becomes an `ecg.ECGRecord` or a stream of `ecg.Page` (`ecg.formats.read`)
- `diagnose`: a record, a page or a file of either gets measurements, findings, their reasons and doubts
  (`einthoven.diagnosis.diagnose`)
- `digitize`: the pages of a file become `digitize.result.Digitization` (`digitize.read_file`)
- `explain`: which leads and waves carried a classifier's answer for a record (`explain.methods.explain`)
- `measure`: rate, intervals, axis and ST levels of a record (`ecg.measure.measure`)
- `synthesize`: a page of a synthetic record, drawn with its truth (`synth.demo_page`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classify.predict import Prediction, classify
    from digitize import read_file as digitize
    from ecg.formats import read
    from ecg.measure import measure
    from einthoven.diagnosis import diagnose
    from explain.methods import explain
    from synth import demo_page as synthesize

__all__ = ["Prediction", "classify", "diagnose", "digitize", "explain", "measure", "read", "synthesize"]

#: Public name -> module and the name there (PEP 562), so that importing this package loads nothing else.
_LAZY = {
    "Prediction": ("classify.predict", "Prediction"),
    "classify": ("classify.predict", "classify"),
    "diagnose": ("einthoven.diagnosis", "diagnose"),
    "digitize": ("digitize", "read_file"),
    "explain": ("explain.methods", "explain"),
    "measure": ("ecg.measure", "measure"),
    "read": ("ecg.formats", "read"),
    "synthesize": ("synth", "demo_page"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
