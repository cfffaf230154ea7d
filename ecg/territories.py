"""Walls of the left ventricle and the leads that face them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["TERRITORY_LEADS"]

#: Leads of each wall. A posterior infarction shows reversed in V1 to V3: as depression of ST.
TERRITORY_LEADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "anterior": ("V1", "V2", "V3", "V4"),
        "septal": ("V1", "V2"),
        "lateral": ("I", "aVL", "V5", "V6"),
        "inferior": ("II", "III", "aVF"),
        "posterior": ("V1", "V2", "V3"),
    }
)
