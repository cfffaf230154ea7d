"""Synthetic paper ECGs with exact truth.

Importing this package loads numpy and nothing heavier.
"""

from synth.page import SynthPage, TextBox, TraceLine, printed_record
from synth.physiology import KINDS, PhysiologyParams, sample_physiology, synthesize_record
from synth.render import render
from synth.style import PRESETS, PageStyle, sample_style

__all__ = [
    "KINDS",
    "PRESETS",
    "PageStyle",
    "PhysiologyParams",
    "SynthPage",
    "TextBox",
    "TraceLine",
    "printed_record",
    "render",
    "sample_physiology",
    "sample_style",
    "synthesize_record",
]
