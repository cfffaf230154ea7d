import pickle

import pytest

from ecg import DigitizationError, ECGError, FormatError, ModelError, OptionsError, RecordError


@pytest.mark.parametrize("kind", [FormatError, ModelError, OptionsError, RecordError, DigitizationError])
def test_every_error_is_an_ecg_error(kind):
    assert issubclass(kind, ECGError)


def test_digitization_error_says_stage_reason_and_hint():
    error = DigitizationError("grid", "no lines found", "pass --px-per-mm")
    assert str(error) == "grid: no lines found; pass --px-per-mm"
    assert str(DigitizationError("grid", "no lines found")) == "grid: no lines found"


def test_digitization_error_survives_the_way_back_from_a_worker():
    back = pickle.loads(pickle.dumps(DigitizationError("layout", "two fit", "name one")))  # noqa: S301 - our own bytes
    assert (back.stage, back.reason, back.hint) == ("layout", "two fit", "name one")
    assert str(back) == "layout: two fit; name one"
