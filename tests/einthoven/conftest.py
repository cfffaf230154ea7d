"""Pages and a reader made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from handmade_readings import make_reading, refused_reading
from PIL import Image

from digitize.result import Digitization
from ecg import DigitizationError, FormatError
from ecg.formats import ReadOptions


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Write a picture of as many pages as wanted (TIFF for more than one)."""

    def write(name: str, pages: int = 1, folder: Path = tmp_path) -> Path:
        frames = [Image.fromarray(np.full((400, 800, 3), 255 - i, np.uint8)) for i in range(pages)]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(
            path,
            "TIFF" if pages > 1 else None,
            **({"save_all": True, "append_images": frames[1:]} if pages > 1 else {}),
        )
        return path

    return write


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, object]]:
    """Put a reader in place that goes by the file's name; returns the list of its calls."""
    import digitize
    from ecg import formats

    calls: list[tuple[Path, object]] = []

    def read_file(path: Path, options: object = None, reading: ReadOptions | None = None) -> Iterator[Digitization]:
        calls.append((Path(path), options))
        for number, page in enumerate(formats.read_pages(path, reading or formats.ReadOptions()), start=1):
            if "broken" in path.name and number == 2:
                raise FormatError(f"{path.name}: page 2 is damaged; scan it again")
            if "unreadable" in path.name:
                raise DigitizationError("trace", "no line was found", "scan it darker")
            if "bug" in path.name:
                raise ZeroDivisionError("a fault")
            if "stop" in path.name:
                raise KeyboardInterrupt
            forced = bool(getattr(options, "force", False))
            if "blank" in path.name and forced:
                yield make_reading(page, status="refused", forced=True)
            else:
                yield refused_reading(page) if "blank" in path.name else make_reading(page)

    monkeypatch.setattr(digitize, "read_file", read_file, raising=False)
    return calls
