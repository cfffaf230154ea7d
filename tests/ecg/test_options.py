from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from ecg import OptionsError
from ecg.options import nearest, options_from, read_toml


@dataclass(frozen=True)
class Drawing:
    style: Literal["clean", "scan"] = "clean"
    dpi: float = 200.0
    pages: int = 1
    names: bool = True
    label: str | None = None
    pitch: tuple[float, float] | None = None
    corners: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.dpi <= 0:
            raise OptionsError(f"dpi must be positive, got {self.dpi}")


def test_defaults_stand_where_nothing_is_said() -> None:
    assert options_from(Drawing, {}) == Drawing()


def test_values_take_the_type_of_their_field() -> None:
    got = options_from(Drawing, {"dpi": 300, "pitch": [8, 8.5], "corners": [1, 2, 3], "label": "x", "style": "scan"})
    assert got == Drawing("scan", 300.0, 1, True, "x", (8.0, 8.5), (1.0, 2.0, 3.0))
    assert isinstance(got.dpi, float)
    assert all(isinstance(v, float) for v in (*(got.pitch or ()), *got.corners))


def test_none_is_taken_where_the_field_allows_it() -> None:
    assert options_from(Drawing, {"label": None, "pitch": None}) == Drawing()
    with pytest.raises(OptionsError, match="option dpi must be a number, got None"):
        options_from(Drawing, {"dpi": None})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dpi": "300"}, "option dpi must be a number, got '300'"),
        ({"dpi": True}, "option dpi must be a number, got True"),
        ({"pages": 1.5}, "option pages must be a whole number"),
        ({"names": 1}, "option names must be true or false"),
        ({"label": 3}, "option label must be a text in quotes"),
        ({"style": "photo"}, "option style must be one of clean, scan"),
        ({"pitch": [8]}, "option pitch must be a list of 2 values"),
        ({"pitch": 8}, "option pitch must be a list"),
        ({"corners": ["a"]}, "option corners must be a list, each value a number"),
        ({"dpi": -1}, "dpi must be positive"),
    ],
)
def test_a_wrong_value_is_one_clear_line(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=r"^page\.toml: ") as caught:
        options_from(Drawing, values, "page.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(OptionsError, match="unknown option 'stlye', did you mean 'style'\\?"):
        options_from(Drawing, {"stlye": "scan"})
    with pytest.raises(OptionsError, match="unknown option 'xyzzy'; the options are style, dpi"):
        options_from(Drawing, {"xyzzy": 1})


def test_nearest_is_silent_when_nothing_is_near() -> None:
    assert nearest("corner", ["corners", "force"]) == ", did you mean 'corners'?"
    assert nearest("zzz", ["corners", "force"]) == ""


def test_tables_are_read_and_absent_ones_are_empty(tmp_path) -> None:
    file = tmp_path / "o.toml"
    file.write_text('[digitize]\nlayout = "3x4+1"\n', encoding="utf-8")
    assert read_toml(file, ("digitize", "read")) == {"digitize": {"layout": "3x4+1"}, "read": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[digitise]\n", "unknown table [digitise], did you mean 'digitize'?"),
        (b"digitize = 3\n", "digitize must be a table"),
        (b"[digitize\n", "is not valid TOML"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, content: bytes, message: str) -> None:
    file = tmp_path / "o.toml"
    file.write_bytes(content)
    with pytest.raises(OptionsError) as caught:
        read_toml(file, ("digitize",))
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path) -> None:
    with pytest.raises(OptionsError, match=r"cannot read the options file .*No such file"):
        read_toml(tmp_path / "none.toml", ())
