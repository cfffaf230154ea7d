"""The published systems' networks at their real size, briefly trained on drawn hearts: their weights do not ship."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from tiny_models import heart

from classify.inputs import to_input
from classify.models import MODELS
from ecg import LEADS, ECGRecord

__all__ = ["NETWORKS", "alone", "drawn_hearts", "train_briefly"]

NETWORKS = ("lead_ii_cnn", "twelve_lead_cnn", "image_signal_cnn")
#: Enough to tell these few hearts apart, and seconds on one core.
_STEPS, _LR, _SEED = 8, 1e-3, 11


@cache
def drawn_hearts() -> tuple[tuple[ECGRecord, bool], ...]:
    """Six drawn hearts and whether each has an acute infarction."""
    kinds = ("norm", "ami_inferior", "norm", "ami_anterior", "norm", "ami_lateral")
    return tuple((heart(seed, kind), kind != "norm") for seed, kind in enumerate(kinds, start=1))


def alone(record: ECGRecord, lead: str = "II") -> ECGRecord:
    """One lead of a record."""
    return ECGRecord(record[lead][None], record.fs, (lead,))


def train_briefly(name: str, folder: Path) -> Path:
    """Train an architecture for a few steps, seeded, and write its model folder.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    folder : Path
        A cache of models; the folder gets the network's name in it.
    """
    import torch

    from classify.export import export_network
    from ecg.checkpoint import ModelCard

    entry = MODELS[name]
    x = torch.from_numpy(np.stack([to_input(record, entry.spec) for record, _ in drawn_hearts()]))
    y = torch.tensor([[float(ill)] for _, ill in drawn_hearts()])
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = entry.build(1)
        steps = torch.optim.Adam(network.parameters(), _LR)
        for _ in range(_STEPS):
            steps.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
            steps.step()
    card = ModelCard(
        name=name,
        task="mi_sttc",
        architecture=name,
        arguments={},
        input_spec=entry.spec.to_dict(),
        labels=("mi_sttc",),
        thresholds={"mi_sttc": 0.5},
        temperature=1.0,
        data={"drawn hearts": {"version": "1", "licence": "none"}},
        folds={},
        seed=_SEED,
        commit="",
        metrics={},
        intended_use="tests",
        limits=("trained for seconds on six drawn hearts: for tests only",),
        heads={"mi_sttc": ("mi_sttc",)},
        abstain={"min_leads": len(LEADS) if name == "twelve_lead_cnn" else 1},
    )
    export_network(folder / name, network.eval(), card, onnx=False)
    return folder / name
