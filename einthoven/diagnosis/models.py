"""Which models took part in a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from einthoven.diagnosis.result import ModelUse

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization
    from ecg.checkpoint import ModelCard

__all__ = ["answering_models", "reader_models"]

#: Folders below ``digitize/weights`` and what their networks do.
_READERS = {
    "text": "reads printed names and scales",
    "owner": "tells which lead's ink each pixel is",
    "refiner": "mends lines below the pen's width",
}


def answering_models(predictions: Sequence[Prediction]) -> tuple[ModelUse, ...]:
    """Models that answered, each once, with the questions it answered.

    Parameters
    ----------
    predictions : sequence of Prediction

    Returns
    -------
    tuple of ModelUse
    """
    cards: dict[str, ModelCard] = {}
    tasks: dict[str, list[str]] = {}
    for prediction in predictions:
        if prediction.card is not None:
            cards[prediction.card.sha256] = prediction.card
            tasks.setdefault(prediction.card.sha256, []).append(prediction.task)
    return tuple(_use(card, f"answers {', '.join(tasks[digest])}") for digest, card in cards.items())


def reader_models(digitization: Digitization, method: str) -> tuple[ModelUse, ...]:
    """Networks that read the page; none where its method or its vector paths did without.

    Parameters
    ----------
    digitization : Digitization
    method : str
        Of `digitize.options.DigitizeOptions`.

    Returns
    -------
    tuple of ModelUse
    """
    if method == "classical":
        return ()
    if digitization.evidence is not None and digitization.evidence.px_per_mm_x == "vector":
        return ()
    return _readers()


@cache
def _readers() -> tuple[ModelUse, ...]:
    import digitize.weights
    from ecg.checkpoint import load_card

    folder = Path(digitize.weights.__file__).parent
    return tuple(_use(load_card(folder / name), role) for name, role in _READERS.items())


def _use(card: ModelCard, role: str) -> ModelUse:
    return ModelUse(card.name, card.sha256, card.architecture, role, card.data, card.commit)
