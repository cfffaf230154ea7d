"""The test beside every map: right maps pass it, blind ones do not, and it asks the model rarely."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
from subjects import heart, subject  # noqa: E402
from test_gradients import LEAD, SPEC, OneLead, bumps, opened  # noqa: E402

from explain.faithfulness import curves  # noqa: E402
from explain.methods import ExplainOptions, explain, view_for  # noqa: E402
from explain.trust import trust  # noqa: E402
from explain.view import view_of  # noqa: E402


def test_each_explanation_is_tested_against_orders_left_to_chance() -> None:
    given, record = opened(OneLead()), bumps()
    view = view_of(record, SPEC)
    found = explain(given, record, task="mi", method="integrated_gradients")
    tested = trust(given, view, found)
    assert tested["deletion"] < tested["deletion_random"]
    assert tested["insertion"] > tested["insertion_random"]
    assert tested["better_than_random"] == 1
    blind = explain(given, record, task="mi", method="random")
    assert trust(given, view, blind)["deletion"] > tested["deletion"]


def test_its_curves_are_those_of_the_examinations_at_half_as_many_points() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    right = np.zeros((12, 1000), dtype=np.float32)
    right[LEAD, 500:550] = 1.0
    found = replace(explain(given, bumps(), task="mi", method="gradcam"), on_input=right)
    tested = trust(given, view, found, controls=4)
    whole = curves(given, view, 0, right, np.random.default_rng(0))
    assert tested["deletion"] == pytest.approx(whole.deletion_area, abs=0.03)
    assert tested["insertion"] == pytest.approx(whole.insertion_area, abs=0.03)
    chance = [curves(given, view, 0, 0 * right, np.random.default_rng(k)) for k in range(8)]
    assert tested["deletion_random"] == pytest.approx(np.mean([c.deletion_area for c in chance]), abs=0.03)
    assert tested["insertion_random"] == pytest.approx(np.mean([c.insertion_area for c in chance]), abs=0.03)


def test_reasons_against_an_answer_are_tested_as_such() -> None:
    given, view = opened(OneLead()), view_of(bumps(), SPEC)
    found = replace(explain(given, bumps(), task="mi", method="integrated_gradients"), decision=True)
    turned = replace(found, on_input=-found.on_input, decision=False)
    yes, no = trust(given, view, found), trust(given, view, turned)
    assert no["deletion"] == pytest.approx(1 - yes["deletion"])
    assert no["insertion_random"] == pytest.approx(1 - yes["insertion_random"])


def test_it_asks_the_model_sixty_times_and_not_two_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    given, record = subject("resnet1d_se"), heart()
    found = explain(given, record, task="mi", method="saliency")
    asked: list[int] = []
    real = type(given).logits

    def counted(self: Any, x: Any, *more: Any) -> Any:
        asked.append(len(x))
        return real(self, x, *more)

    monkeypatch.setattr(type(given), "logits", counted)
    trust(given, view_for(given, record, ExplainOptions(task="mi")), found)
    assert sum(asked) == 11 + 9 + 5 * 9
    assert max(asked) <= 16
