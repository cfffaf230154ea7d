"""Printed words that matter: lead names, paper speed and gain, spotted by a small network."""

from digitize.text.scale import PrintedScale, look_again, printed_scale
from digitize.text.spotter import LEAD_NAMES, PX_PER_MM, WORDS, NameHit, TextOptions, find_names

__all__ = [
    "LEAD_NAMES",
    "PX_PER_MM",
    "WORDS",
    "NameHit",
    "PrintedScale",
    "TextOptions",
    "find_names",
    "look_again",
    "printed_scale",
]
