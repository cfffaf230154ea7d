"""Whose ink is whose, where lines of trace cross."""

from digitize.owner.owners import NOBODY, OwnerMap, line_of_each_pixel, owner_map
from digitize.owner.sharing import own_ink, owned_rows

__all__ = ["NOBODY", "OwnerMap", "line_of_each_pixel", "own_ink", "owned_rows", "owner_map"]
