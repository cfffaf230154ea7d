"""Pictures that are no ECG, and what the reader makes of them.

``python -m benchmarks.other_pictures [--every N]`` draws 200 pictures of ten kinds, reads each and writes
``benchmarks/results/other_pictures.json``. Whatever is accepted is false; what is to be reviewed was at least doubted.
Photographs are those that scikit-image ships; the rest is drawn, each picture from its own seed. Kinds that come
closest to an ECG, curves over a grid above all, are as many as those that are far from one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.other_drawings import DRAWINGS
from digitize import digitize
from ecg import Page
from ecg.errors import DigitizationError
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = ["main", "photographs", "pictures", "summary"]

RESULT = Path(__file__).resolve().parent / "results" / "other_pictures.json"
SCHEMA = "einthoven.other_pictures"

Image = NDArray[np.uint8]

#: Pictures of each drawn kind, and of photographs.
_EACH, _PHOTOGRAPHS = 20, 20
_SEED = 8


def photographs() -> list[Image]:
    """Pictures in scikit-image's own folder, smallest side 64 pixels or more, as RGB.

    Returns
    -------
    list of uint8 array [height, width, 3]
    """
    import cv2
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    found = []
    for path in sorted((*folder.glob("*.png"), *folder.glob("*.jpg"))):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None and min(image.shape[:2]) >= 64:
            found.append(np.ascontiguousarray(image[:, :, ::-1]))
    return found


def pictures() -> Iterator[tuple[str, Image]]:
    """All pictures with their kinds, the same every time.

    Yields
    ------
    kind : str
    image : uint8 array [height, width, 3]
    """
    for image in photographs()[:_PHOTOGRAPHS]:
        yield "photograph", image
    for number, (kind, draw) in enumerate(DRAWINGS.items()):
        for k in range(_EACH):
            yield kind, draw(np.random.default_rng([_SEED, number, k]))


def summary(found: list[tuple[str, str]]) -> dict[str, Any]:
    """Figures by kind and over all.

    Parameters
    ----------
    found : list of (kind, status)

    Returns
    -------
    dict
        Ready for JSON.

    Examples
    --------
    >>> summary([("plot", "accepted"), ("plot", "refused")])["accepted_share"]
    0.5
    """
    kinds = dict.fromkeys(kind for kind, _ in found)
    groups = {kind: Counter(status for k, status in found if k == kind) for kind in kinds}
    total = Counter(status for _, status in found)
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "pictures": len(found),
        "kinds": {kind: {s: count[s] for s in ("accepted", "review", "refused")} for kind, count in groups.items()},
        **{f"{s}_share": round(total[s] / max(len(found), 1), 4) for s in ("accepted", "review", "refused")},
    }


def _status(image: Image) -> str:
    try:
        return digitize(Page(image, None, "")).status
    except DigitizationError:
        return "refused"


def main(arguments: list[str]) -> int:
    """Read the pictures and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="read every Nth picture only, and write nothing")
    chosen = parser.parse_args(arguments)
    found = []
    for number, (kind, image) in enumerate(pictures()):
        if number % chosen.every:
            continue
        start = time.process_time()
        found.append((kind, _status(image)))
        sys.stdout.write(f"{number} {kind} {found[-1][1]} {time.process_time() - start:.2f}\n")
    result = summary(found)
    if chosen.every == 1:
        RESULT.parent.mkdir(exist_ok=True)
        write_json(RESULT, result)
    sys.stdout.write(f"{result}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
