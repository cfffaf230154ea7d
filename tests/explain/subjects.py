"""Small models and records whose explanations are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from classify.models import MODELS, ModelEntry
from ecg.checkpoint import ModelCard
from ecg.record import LEADS, ECGRecord
from explain.subject import Subject, subject_of
from synth.physiology import sample_physiology, synthesize_record

#: Arguments that make an architecture quick, where it has some.
SMALL: dict[str, dict[str, Any]] = {
    "resnet1d_se": {"widths": (8, 8, 8), "depths": (1, 1, 1), "kernel": 5, "stem": 9},
    "xresnet1d101": {"depths": (1, 1, 1, 1)},
    "conv_bilstm_attn": {"filters": (8, 8, 8), "kernels": (11, 7, 5), "recurrent": 8},
}


def card_of(entry: ModelEntry, **changes: Any) -> ModelCard:
    given: dict[str, Any] = {
        "name": entry.name,
        "task": "mi",
        "architecture": entry.name,
        "arguments": SMALL.get(entry.name, {}),
        "input_spec": entry.spec.to_dict(),
        "labels": ("mi",),
        "thresholds": {"mi": 0.5},
        "temperature": 1.0,
        "data": {},
        "folds": {},
        "seed": 0,
        "commit": "",
        "metrics": {},
        "intended_use": "tests",
        "limits": (),
    }
    return ModelCard(**{**given, **changes})


def untrained(entry: ModelEntry, seed: int = 1) -> Any:
    """Network with drawn weights, whose batch normalisation has seen a batch."""
    import torch

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = entry.build(1, **SMALL.get(entry.name, {}))
        for module in network.modules():
            if hasattr(module, "running_var"):
                module.momentum = None
        network(torch.randn(4, *entry.spec.shape))
        return network.eval()


def subject(name: str, seed: int = 1, **card: Any) -> Subject:
    entry = MODELS[name]
    return subject_of(untrained(entry, seed), card_of(entry, **card), entry)


def heart(kind: str = "ami_anterior", seed: int = 3) -> ECGRecord:
    return synthesize_record(sample_physiology(np.random.default_rng(seed), kind, duration_s=10.0))


def page_of(record: ECGRecord, strip: str | None = "II") -> ECGRecord:
    """Record as a page of 3x4+1 shows it: 2.5 s a lead, one lead throughout."""
    signal = record.signal.copy()
    quarter = record.n_samples // 4
    for row, lead in enumerate(record.leads):
        column = LEADS.index(lead) // 3
        if lead != strip:
            signal[row, : column * quarter] = np.nan
            signal[row, (column + 1) * quarter :] = np.nan
    return ECGRecord(signal, record.fs, record.leads, record.meta)
