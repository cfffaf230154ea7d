"""Machine-readable codes as matrices of modules."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError

__all__ = ["code_modules", "quiet_modules"]

#: Widths of bar, space, bar, space, bar, space of the symbols 0 to 105, and the stop's seven (ISO/IEC 15417, table 1).
_CODE_128_TABLE = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222
123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321
232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121
313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224
111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111
111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113
114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112
"""
_CODE_128 = tuple(_CODE_128_TABLE.split())
_START_B, _START_C, _STOP = 104, 105, 106


def quiet_modules(kind: str) -> int:
    """White modules that a code wants around it: 4 for QR (ISO/IEC 18004, 5.3.8), 10 for Code 128 (ISO/IEC 15417)."""
    return 4 if kind == "qr" else 10


@lru_cache(maxsize=256)
def code_modules(kind: Literal["qr", "code128"], content: str) -> NDArray[np.uint8]:
    """Modules of a code, quiet zone excluded.

    Parameters
    ----------
    kind : str
        ``"qr"``, error correction level M; or ``"code128"``, set C for an even number of digits, else set B.
    content : str
        Printable ASCII.

    Returns
    -------
    uint8 array [rows, columns]
        1 where dark; a bar code has one row. Read-only, because it is kept.

    Raises
    ------
    OptionsError
        If the content does not fit into a code.

    Examples
    --------
    >>> code_modules("code128", "12").shape, code_modules("qr", "ECG").shape
    ((1, 46), (21, 21))
    """
    modules = _qr(content) if kind == "qr" else _code_128(content)
    modules.flags.writeable = False
    return modules


def _qr(content: str) -> NDArray[np.uint8]:
    import cv2

    options = cv2.QRCodeEncoder.Params()
    options.correction_level = cv2.QRCODE_ENCODER_CORRECT_LEVEL_M
    try:
        drawn = cv2.QRCodeEncoder.create(options).encode(content)
    except cv2.error as error:
        raise OptionsError(f"a QR code holds at most 2331 characters, got {len(content)}: shorten it") from error
    dark = drawn == 0
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    modules: NDArray[np.uint8] = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    return modules


def _code_128(content: str) -> NDArray[np.uint8]:
    if content.isdigit() and len(content) % 2 == 0:
        symbols = [_START_C, *(int(content[k : k + 2]) for k in range(0, len(content), 2))]
    else:
        symbols = [_START_B, *(ord(letter) - 32 for letter in content)]
    # The start counts once, each symbol after it by its place.
    check = (symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols))) % 103
    widths = [int(width) for symbol in (*symbols, check, _STOP) for width in _CODE_128[symbol]]
    bars = np.arange(len(widths)) % 2 == 0
    modules: NDArray[np.uint8] = np.repeat(bars, widths).astype(np.uint8)[None, :]
    return modules
