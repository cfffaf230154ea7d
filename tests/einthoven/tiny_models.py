"""A small untrained network with a complete card, and records and readings to ask it about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from handmade_readings import make_reading

from digitize.result import Digitization, LeadQuality
from ecg import LAYOUTS, LEADS, ECGRecord, Page

TASKS = ("superclass", "mi_sttc", "four_class")
SMALL = {"widths": (8, 8), "depths": (1, 1), "kernel": 5, "stem": 9, "dropout": 0.0, "drop_path": 0.0}


def write_model(folder: Path, thresholds: float = 0.25, leads: tuple[str, ...] = (), min_leads: int = 8) -> Path:
    """Model folder with one head a task; every label but those of four_class has the same threshold."""
    import torch

    from classify.export import export_network
    from classify.labels import find_task
    from classify.models import MODELS
    from classify.sets import head_names
    from ecg.checkpoint import ModelCard

    entry = MODELS["resnet1d_se"]
    spec = replace(entry.spec, leads=leads or entry.spec.leads)
    labels, heads = head_names([find_task(task) for task in TASKS])
    torch.manual_seed(7)
    arguments = {**SMALL, "channels": spec.shape[0]}
    figure = {"value": 0.9, "lo": 0.88, "hi": 0.92}
    card = ModelCard(
        name=folder.name,
        task="several",
        architecture="resnet1d_se",
        arguments=arguments,
        input_spec=spec.to_dict(),
        labels=labels,
        thresholds={label: thresholds for label in labels if not label.startswith("four_class")},
        temperature=1.0,
        data={"drawn hearts": {"version": "1", "licence": "none"}},
        folds={},
        seed=7,
        commit="",
        metrics={"superclass MI auroc": figure, **{f"{task} auroc": figure for task in TASKS}},
        intended_use="tests",
        limits=("untrained: for tests only",),
        heads=heads,
        abstain={"min_leads": min_leads, "min_age": 18, "pacemaker": True},
    )
    export_network(folder, entry.build(len(labels), **arguments), card, onnx=False)
    return folder


def heart(seed: int = 3, kind: str = "norm", **meta: object) -> ECGRecord:
    """Ten seconds of twelve leads at 500 Hz."""
    from synth.physiology import sample_physiology, synthesize_record

    record = synthesize_record(sample_physiology(np.random.default_rng(seed), kind))
    return ECGRecord(record.signal, record.fs, record.leads, meta)


def on_paper(record: ECGRecord) -> ECGRecord:
    """What a page of 3x4+1 shows: 2.5 s a lead, II throughout."""
    signal = np.full_like(record.signal, np.nan)
    for row in LAYOUTS["3x4+1"].rows:
        for column, lead in enumerate(row):
            part = np.s_[round(2.5 * column * record.fs) : round(2.5 * (column + 1) * record.fs)]
            signal[LEADS.index(lead), part] = record[lead][part]
    signal[1] = record["II"]
    return ECGRecord(signal, record.fs, LEADS)


def reading_of(record: ECGRecord, page: Page | None = None, **changes: object) -> Digitization:
    """Accepted reading of a page that shows this record."""
    quality = {lead: LeadQuality(1.0, 0.9, 0.0, 20.0, "good") for lead in LEADS}
    return make_reading(
        page, **{"record": on_paper(record), "status": "accepted", "reasons": (), "quality": quality, **changes}
    )
