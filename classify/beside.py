"""A network that answers beside another: two that erred differently say more together than each does alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from classify.weights import model_folder
from ecg.checkpoint import ModelCard, load_card
from ecg.errors import OptionsError

__all__ = ["check_beside", "with_beside"]


def check_beside(name: str, architecture: str, arguments: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Refuse a model that cannot stand beside another.

    Parameters
    ----------
    name : str
        Model by folder, URL or name; empty for none.
    architecture : str
    arguments : mapping
    labels : sequence of str
        Of the one that is learnt.

    Raises
    ------
    OptionsError
        If the model has another architecture, other arguments or other outputs.
    ModelError
        If it is not there.
    """
    if not name:
        return
    card = load_card(model_folder(name))
    for what, own, other in (
        ("architecture", architecture, card.architecture),
        ("arguments", dict(arguments), dict(card.arguments)),
        ("outputs", tuple(labels), tuple(card.labels)),
    ):
        if own != other:
            raise OptionsError(f"beside takes a model of the same {what}: expected {own}, {name} has {other}")
    if architecture != "resnet1d_se":
        raise OptionsError(f"beside joins networks of resnet1d_se, got {architecture}; leave it out")


def with_beside(network: Any, name: str, share: float, card: ModelCard) -> tuple[Any, ModelCard]:
    """Join a network with the model that answers beside it.

    Parameters
    ----------
    network : torch module
        On the CPU.
    name : str
        As for `check_beside`.
    share : float
        Its part of the answer, 0 to 1; the network has the rest.
    card : ModelCard
        Of the network.

    Returns
    -------
    network : torch module
        Says the weighed mean of both logits; the same as before where there is none beside.
    card : ModelCard
        With the arguments of both together, and how the other was made under ``data.beside``.
    """
    if not name:
        return network, card
    from classify.models.resnet1d_se import side_by_side
    from classify.runtime import load_network

    alike = {key: value for key, value in card.arguments.items() if key not in ("widths", "groups")}
    joined = side_by_side((load_network(model_folder(name)), network.eval()), (share, 1 - share), **alike)
    other = load_card(model_folder(name))
    told = {
        "commit": other.commit,
        "seed": other.seed,
        **{k: other.data[k] for k in ("recipe", "paper") if k in other.data},
    }
    arguments = {**card.arguments, **joined.arguments}
    return joined.eval(), replace(card, arguments=arguments, data={**card.data, "beside": told})
