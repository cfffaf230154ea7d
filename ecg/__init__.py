"""What an ECG is, on file and on paper: records, pages, scales, layouts, formats, data sets and metrics.

Importing this package loads numpy and nothing heavier.
"""

from ecg.errors import DigitizationError, ECGError, FormatError, ModelError, OptionsError, RecordError
from ecg.page import Page
from ecg.paper import LAYOUTS, LeadBox, PageLayout, PaperScale
from ecg.record import LEADS, ECGRecord, complete_limb_leads, crop, limb_residual, resample, select

__all__ = [
    "LAYOUTS",
    "LEADS",
    "DigitizationError",
    "ECGError",
    "ECGRecord",
    "FormatError",
    "LeadBox",
    "ModelError",
    "OptionsError",
    "Page",
    "PageLayout",
    "PaperScale",
    "RecordError",
    "complete_limb_leads",
    "crop",
    "limb_residual",
    "resample",
    "select",
]
