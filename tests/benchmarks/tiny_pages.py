"""A small set of pages whose patterns tell the classes."""

from __future__ import annotations

import numpy as np

from classify.inputs import to_extra
from classify.models import MODELS
from classify.sets import LabelledSet
from ecg.record import LEADS


def patterned(n: int = 80) -> LabelledSet:
    """Pages in groups of two; one of every eight patterns is higher the later the class."""
    rng = np.random.default_rng(0)
    spec = MODELS["page_trees"].spec
    y = np.arange(n) // 2 % 4
    x = rng.normal(size=(n, *spec.shape)).astype(np.float32)
    x[:, ::8] += 3 * y[:, None]
    return LabelledSet(
        ids=tuple(f"page{k}" for k in range(n)),
        patients=tuple(f"group{k // 2}" for k in range(n)),
        folds=("",) * n,
        signals=None,
        leads=LEADS,
        fs=0.0,
        ready=x,
        spec=spec,
        answers={"four_class": np.eye(4, dtype=np.float32)[y]},
        extra=np.stack([to_extra(None, None)] * n),
    )
