"""Synthetic paper ECGs with exact truth.

Importing this package loads numpy and nothing heavier.
"""

from synth.degrade import STEPS, apply_steps, sample_steps
from synth.page import SynthPage, TextBox, TraceLine, printed_record
from synth.physiology import KINDS, PhysiologyParams, sample_physiology, synthesize_record
from synth.render import render
from synth.source import (
    DEFAULT_FOLDS,
    RecordSource,
    SourceRecord,
    demo_page,
    draw_page,
    iter_pages,
    open_source,
    page_look,
)
from synth.style import PRESETS, PageStyle, sample_style
from synth.truth import truth
from synth.writer import write_set

__all__ = [
    "DEFAULT_FOLDS",
    "KINDS",
    "PRESETS",
    "STEPS",
    "PageStyle",
    "PhysiologyParams",
    "RecordSource",
    "SourceRecord",
    "SynthPage",
    "TextBox",
    "TraceLine",
    "apply_steps",
    "demo_page",
    "draw_page",
    "iter_pages",
    "open_source",
    "page_look",
    "printed_record",
    "render",
    "sample_physiology",
    "sample_steps",
    "sample_style",
    "synthesize_record",
    "truth",
    "write_set",
]
