"""Which models answer for a page, and how several answers become one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classify import predict
from classify.images import routes
from classify.images.routes import fitted_weights, joined, joined_answer, page_route
from classify.inputs import InputSpec
from classify.labels import find_task
from classify.predict import ClassifyOptions, Prediction, classify
from classify.runtime import Classifier
from ecg.checkpoint import ModelCard
from ecg.errors import ModelError
from ecg.record import LEADS
from synth import demo_page

TASK = find_task("four_class")


def answer(
    p: tuple[float, ...], status: str = "answered", model: str = "a", reasons: tuple[str, ...] = ()
) -> Prediction:
    likeliest = tuple(bool(k == int(np.argmax(p))) for k in range(4)) if p else ()
    return Prediction("four_class", TASK.labels, p, (None,) * len(p), likeliest, model, "best", status, reasons)  # type: ignore[arg-type]


def test_the_geometric_mean_of_experts_is_taken() -> None:
    p = np.array([[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    q = np.array([[0.1, 0.7, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1]])
    found = joined([p, q], [0.75, 0.25])
    expected = p**0.75 * q**0.25
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True))
    # What one model rules out another may still bring back.
    assert joined([[1.0, 0.0], [0.0, 1.0]], [1, 1]).tolist() == [0.5, 0.5]


def test_weights_are_those_under_which_the_truth_is_likeliest() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    y = np.eye(2)[np.arange(400) % 2]
    # Probabilities of a model that is surer as it may be, of one that guesses, and the first once more.
    z = 2 * y + rng.normal(size=y.shape)
    sure, guess = (np.exp(3 * z), rng.random(y.shape))
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (sure, guess))
    (alone,) = fitted_weights([p], y)
    # With two classes of equal size that is logistic regression on the difference of the logarithms.
    difference = np.log(p[:, 1] / p[:, 0])[:, None]
    oracle = LogisticRegression(C=1e9, fit_intercept=False).fit(difference, y.argmax(axis=1))
    assert alone == pytest.approx(float(oracle.coef_[0, 0]), rel=1e-3)
    both = fitted_weights([p, q], y)
    assert both[1] < 0.1
    twice = fitted_weights([p, p], y)
    assert twice.sum() == pytest.approx(alone, rel=1e-3)


def test_answers_of_several_models_become_one() -> None:
    first, second = answer((0.5, 0.3, 0.1, 0.1)), answer((0.1, 0.8, 0.05, 0.05), model="b", reasons=("why",))
    both = joined_answer([first, second], [0.5, 0.5])
    assert both.model == "a + b"
    assert both.decision == (False, True, False, False)
    assert both.reasons == ("why",)
    assert sum(both.probabilities) == pytest.approx(1)
    assert joined_answer([first], [1]) is first
    refused = answer((), "refused", reasons=("no beats",))
    assert joined_answer([first, refused], [1, 1]) is refused
    assert joined_answer([first, answer((0.4, 0.4, 0.1, 0.1), "abstained")], [1, 1]).status == "abstained"


def test_the_route_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    assert page_route("four_class", file) == {}
    file.write_text(json.dumps({"four_class": {"members": {"default": 1, "page_msa": 2}}}))
    assert page_route("four_class", file) == {"default": 1.0, "page_msa": 2.0}
    assert page_route("mi", file) == {}
    for wrong in ("{", '{"four_class": {"members": {"a": -1}}}', '{"four_class": {"members": {"a": "x"}}}'):
        file.write_text(wrong)
        with pytest.raises(ModelError):
            page_route("four_class", file)


def test_the_shipped_routes_name_shipped_models() -> None:
    from classify.weights import shipped

    named = {name for task in ("four_class",) for name in page_route(task, routes.ROUTES_FILE)}
    assert named <= set(shipped())


def classifier(seen: list[Any], **spec: Any) -> Classifier:
    """Model that answers by the mean of its input's left and right half, and keeps what it was given."""
    wanted = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(1, 64, 128), **spec)
    card = ModelCard(
        name="page_msa",
        task="four_class",
        architecture="efficientnet_b0_msa",
        arguments={},
        input_spec=wanted.to_dict(),
        labels=TASK.labels,
        thresholds={},
        temperature=1.0,
        data={},
        folds={},
        seed=0,
        commit="",
        metrics={},
        intended_use="tests",
        limits=(),
    )

    def forward(x: np.ndarray, _extra: Any) -> np.ndarray:
        seen.append(x)
        return np.tile(np.array([0.0, 2.0, 0.0, 0.0], np.float32), (len(x), 1))

    return Classifier(card, wanted, forward, "torch")


def test_an_image_model_answers_for_a_page_and_refuses_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    page = demo_page()
    Image.fromarray(page.page.image).save(tmp_path / "page.png", dpi=(200, 200))
    Image.fromarray(np.full((600, 800, 3), 255, np.uint8)).save(tmp_path / "blank.png")
    seen: list[Any] = []
    monkeypatch.setattr(predict, "_model", lambda _: classifier(seen))
    options = ClassifyOptions(task="four_class", model="page_msa")
    (found,) = classify(tmp_path / "page.png", options)
    assert found.status == "answered"
    assert found.decision == (False, True, False, False)
    assert found.model == "page_msa"
    assert seen[0].shape == (1, 1, 64, 128)
    assert seen[0].std() > 0.05, "the traces are seen"
    (blank,) = classify(tmp_path / "blank.png", options)
    assert blank.status == "refused"
    (record,) = classify(page.record, replace(options))
    assert record.status == "refused"
    assert "takes pictures of pages" in record.reasons[0]


def test_the_shipped_route_answers_for_a_page_that_looks_like_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    from classify.weights import shipped

    route = page_route("four_class")
    assert route, "a page of the four classes is answered by what won on pages"
    page = demo_page()
    page_file = tmp_path / "page.png"
    Image.fromarray(page.page.image).save(page_file, dpi=(200, 200))
    # A drawn page on red paper is none of the pages that the route was fitted to: its record is classified.
    (unlike,) = classify(page_file, ClassifyOptions(task="four_class"))
    assert unlike.model == "default"
    monkeypatch.setattr(routes, "page_likeness", lambda *_: None)
    (found,) = classify(page_file, ClassifyOptions(task="four_class"))
    assert found.model == " + ".join(route)
    assert sum(found.probabilities) == pytest.approx(1)
    assert sum(found.decision) == 1
    (alone,) = classify(page_file, ClassifyOptions(task="four_class", model=str(shipped()["default"])))
    assert alone.model == "default"
    # What learnt from pages is asked for pages: a record is answered by what learnt from records.
    assert predict.best_model("four_class", LEADS) == "default"
