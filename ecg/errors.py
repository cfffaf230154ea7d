"""The errors that this software raises on purpose.

Every message says what was expected, what came and what to do about it, in one line, because the command line
prints it as it is.
"""

from __future__ import annotations

__all__ = ["DigitizationError", "ECGError", "FormatError", "ModelError", "OptionsError", "RecordError"]


class ECGError(Exception):
    """Base of every error that a user can cause and mend."""


class FormatError(ECGError):
    """A file is not what it should be: unreadable, truncated, encrypted, too large or of an unknown kind."""


class RecordError(ECGError):
    """An ECG record or page breaks its own rules (shape, lead names, sampling rate, units)."""


class OptionsError(ECGError):
    """An option is unknown or outside its range."""


class ModelError(ECGError):
    """A model folder is missing, damaged or does not fit the input."""


class DigitizationError(ECGError):
    """A page cannot be read.

    Parameters
    ----------
    stage : str
        The stage that gave up: ``"grid"``, ``"layout"``, ``"trace"``, ...
    reason : str
        What was expected and what came.
    hint : str
        What the user can do.
    """

    def __init__(self, stage: str, reason: str, hint: str = "") -> None:
        self.stage = stage
        self.reason = reason
        self.hint = hint
        super().__init__(f"{stage}: {reason}" + (f"; {hint}" if hint else ""))

    def __reduce__(self) -> tuple[type[DigitizationError], tuple[str, str, str]]:
        """Pickle by the three fields, so that a worker process can hand the error back."""
        return type(self), (self.stage, self.reason, self.hint)
