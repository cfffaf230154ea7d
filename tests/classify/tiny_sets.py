"""Small labelled sets of synthetic records, and small networks, for training in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from classify.inputs import InputSpec, to_extra
from classify.labels import TASKS, find_task, target_table
from classify.models import MODELS, ModelEntry
from classify.options import PaperOptions, TrainOptions
from classify.protocols import Split
from classify.sets import LabelledSet
from classify.train import Run
from ecg.datasets import RecordItem
from ecg.record import LEADS

#: Arguments that make the default network small.
SMALL = {"widths": (8, 8), "depths": (1, 1), "kernel": 5, "stem": 9, "dropout": 0.0, "drop_path": 0.0}


def items_of(kinds: list[str]) -> tuple[RecordItem, ...]:
    """Items of PTB-XL that say of each record what the synthetic heart is: normal, or with an acute infarction."""
    made = []
    for number, kind in enumerate(kinds):
        sick = kind != "norm"
        made.append(
            RecordItem(
                ecg_id=number + 1,
                patient_id=number // 2,
                fold=9 if number % 4 == 3 else 1 + number % 4,
                labels=("MI",) if sick else ("NORM",),
                subclasses=(),
                statements=MappingProxyType({"IMI": 100.0} if sick else {"NORM": 100.0, "SR": 0.0}),
                age=60.0 + number % 9,
                sex="MF"[number % 2],
                site=number % 3,
                device="synthetic",
                stadium="Stadium I" if sick else None,
                path=Path(f"{number}.hea"),
            )
        )
    return tuple(made)


def heart(rng: np.random.Generator, sick: bool) -> np.ndarray:
    """Twelve leads in mV, [12, 1000]: P, QRS, ST and T as Gaussians on a steady rhythm, limb leads by their algebra."""
    t = np.arange(1000) / 100
    since = (t - rng.random()) % rng.uniform(0.7, 1.0)  # seconds since the last beat's start

    def wave(at: float, width: float) -> np.ndarray:
        return np.exp(-0.5 * ((since - at) / width) ** 2)

    weights = rng.uniform(0.6, 1.4, (8, 1))
    p, qrs, t_wave = wave(0.1, 0.02), wave(0.25, 0.015), wave(0.5, 0.05)
    eight = weights * (0.1 * p + 1.0 * qrs + 0.25 * t_wave) + 0.02 * rng.standard_normal((8, 1000))
    eight[2:6] += 0.4 * sick * wave(0.38, 0.06)
    one, two = eight[:2]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.stack([*limb, *eight[2:]])


def tiny_set(n: int = 48, spec: InputSpec | None = None, tasks: tuple[str, ...] = tuple(TASKS)) -> LabelledSet:
    """Half normal hearts, half with raised ST in V1 to V4, ten seconds at 100 Hz."""
    kinds = ["norm" if number % 2 else "ami_anterior" for number in range(n)]
    signals = [heart(np.random.default_rng(number), kind != "norm") for number, kind in enumerate(kinds)]
    items = items_of(kinds)
    return LabelledSet(
        ids=tuple(str(item.ecg_id) for item in items),
        patients=tuple(str(item.patient_id) for item in items),
        folds=tuple(str(item.fold) for item in items),
        signals=np.stack(signals).astype(np.float16),
        leads=LEADS,
        fs=100.0,
        ready=None,
        spec=spec or MODELS["resnet1d_se"].spec,
        answers={task: target_table(items, task) for task in tasks},
        extra=np.stack([to_extra(item.age, item.sex) for item in items]),
        items=items,
    )


def halves(n: int = 48) -> Split:
    """Every fourth pair of records validates."""
    at = np.arange(n)
    return Split("tiny", at[at // 2 % 4 != 3], at[at // 2 % 4 == 3], at[:0])


def small(entry: ModelEntry, **changes: object) -> ModelEntry:
    """Entry with some of its fields changed."""
    return replace(entry, **changes)


#: A few epochs of everything that the default is trained with.
QUICK = TrainOptions(
    epochs=3, batch=8, lr=1e-2, ema=0.8, mixup=0.3, crop_s=5.0, precision="32", accelerator="cpu", keep="last"
)
PAPER = PaperOptions(share=0.5, lose_lead=0.1, any_gain_sd=0.1)
ENTRY = small(MODELS["resnet1d_se"], ships=False)


def run_of(tasks: tuple[str, ...] = ("mi_sttc",), **changes: object) -> Run:
    run = Run(
        entry=ENTRY,
        tasks=tuple(map(find_task, tasks)),
        split=halves(),
        options=QUICK,
        paper=PAPER,
        arguments=SMALL,
        commit="0123abc",
    )
    return replace(run, **changes)
