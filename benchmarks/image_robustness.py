"""A model of pictures on the same records drawn under every preset of `synth`.

``python -m benchmarks.image_robustness MODEL --ptbxl DIR --work DIR`` writes
``benchmarks/results/image_robustness.json``. Pages are cut out by their truth, so that the network alone is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecg.errors import ECGError
from einthoven.outputs import write_json
from einthoven.provenance import commit

__all__ = ["main", "robust"]

RESULT = Path(__file__).resolve().parent / "results" / "image_robustness.json"
SCHEMA = "einthoven.image_robustness"


def robust(model: str, ptbxl: Path, work: Path, n: int = 300) -> dict[str, Any]:
    """Measure a model of pictures on the same records drawn under every preset, each cut out by its truth.

    Parameters
    ----------
    model : str
        As for `classify.weights.model_folder`.
    ptbxl : Path
    work : Path
        Gets the drawn pages.
    n : int
        Records of the validation fold 9, spread evenly over it.

    Returns
    -------
    dict
        Figures of every task that the model answers, by preset.
    """
    from classify.evaluate import evaluate
    from classify.export import predict_set, predictions_of
    from classify.images.drawn import DrawOptions, draw_pages, from_drawn
    from classify.labels import find_task
    from classify.runtime import load_classifier
    from ecg.datasets import ptb_xl
    from synth import PRESETS

    classifier = load_classifier(model)
    items = ptb_xl(ptbxl, folds=(9,))
    items = items[:: max(1, len(items) // n)][:n]
    found: dict[str, Any] = {}
    for preset in PRESETS:
        folder = work / "robust" / preset
        draw_pages(items, folder, DrawOptions(preset=preset, variants=1, folds=(9,)))
        known = from_drawn(
            folder, {i.ecg_id: i for i in items}, list(classifier.heads), classifier.spec, work / "cache"
        )
        rows = np.arange(len(known))
        logits = predict_set(classifier, known, rows)
        for task in map(find_task, classifier.heads):
            outputs = classifier.outputs(task)
            predictions = predictions_of(logits, classifier.card, task, outputs, known, rows)
            names = [classifier.card.labels[k] for k in outputs]
            chosen = {
                label: classifier.card.thresholds.get(k, 0.5) for label, k in zip(task.labels, names, strict=True)
            }
            figures = evaluate(predictions, task, {} if task.kind == "multiclass" else chosen, np.random.default_rng(0))
            told = {name: figures["metrics"][name] for name in ("auroc", "f1", "ece")}
            found.setdefault(task.name, {})[preset] = {"n": figures["n"], **told}
    schema = {"name": SCHEMA, "version": 1}
    return {"schema": schema, "commit": commit(), "model": classifier.card.name, "tasks": found}


def main(arguments: Sequence[str]) -> int:
    """Measure and write; 2 where nothing could start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--ptbxl", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--records", type=int, default=300)
    chosen = parser.parse_args(arguments)
    try:
        content = robust(chosen.model, chosen.ptbxl, chosen.work, chosen.records)
    except ECGError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write_json(RESULT, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
