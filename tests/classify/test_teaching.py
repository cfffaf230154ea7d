"""Teachers: what they tell of whole records and of whatever their student is shown, and who may teach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sets import PAPER, QUICK, SMALL, halves, run_of, tiny_set

from classify.batches import Batches
from classify.models import MODELS
from classify.options import PaperOptions
from classify.runtime import load_classifier
from classify.teaching import hired, lessons_of, taught
from classify.train import train
from classify.training import Learner
from ecg.errors import OptionsError


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network for several tasks."""
    out = tmp_path_factory.mktemp("teacher")
    tasks = ("superclass", "mi_sttc", "ami", "four_class")
    train(run_of(tasks, options=replace(QUICK, auxiliary=True, mixup=0.0)), tiny_set(), out)
    return out


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network that takes all twelve leads, in windows."""
    out = tmp_path_factory.mktemp("windows")
    spec = replace(MODELS["xresnet1d101"].spec, scale_mv=0.25)
    options = replace(QUICK, crop_s=2.5, pooled="max")
    arguments = {**SMALL, "channels": 12}
    entry = replace(run_of().entry, spec=spec)
    train(run_of(options=options, entry=entry, arguments=arguments, paper=PaperOptions()), tiny_set(spec=spec), out)
    return out


def test_a_student_learns_from_its_teachers(several, tmp_path) -> None:
    options = replace(QUICK, epochs=1, teachers=(str(several),), distil=1.0)
    known = tiny_set()
    run, rows = run_of(options=options), halves().train
    drawn = taught(
        lessons_of(run.options.teachers, run.tasks, known, rows), run.tasks[0], known.answers["mi_sttc"], rows, 1.0
    )
    p = load_classifier(several).answer(known.inputs(rows), "mi_sttc", known.extra[rows])
    assert np.allclose(drawn[rows], p, atol=1e-5)
    assert np.array_equal(drawn[halves().validation], known.answers["mi_sttc"][halves().validation])
    card = train(run, known, tmp_path)
    assert card is not None
    assert list(card.data["recipe"]["teachers"]) == [several.name], "no folder of this machine"


def test_a_teacher_may_see_other_leads_than_its_student(several, tmp_path) -> None:
    known = tiny_set()
    one = replace(known, spec=replace(known.spec, leads=("II",)))
    options = replace(QUICK, epochs=1, teachers=(str(several),))
    assert train(run_of(options=options, arguments={**SMALL, "channels": 2}), one, tmp_path / "student") is not None
    made = replace(known, signals=None, ready=np.zeros((len(known), 3), np.float32), spec=MODELS["random_forest"].spec)
    with pytest.raises(OptionsError, match="takes other inputs"):
        lessons_of(options.teachers, run_of(options=options).tasks, made, halves().train)


def test_a_teacher_teaches_what_it_answers(several) -> None:
    known, rows = tiny_set(), halves().train
    options = replace(QUICK, teachers=(str(several),))
    both = run_of(("mi", "mi_sttc"), options=options)
    lessons = lessons_of(options.teachers, both.tasks, known, rows)
    untold, told = (taught(lessons, task, known.answers[task.name], rows, 1.0) for task in both.tasks)
    assert np.array_equal(untold, known.answers["mi"])
    assert not np.array_equal(told, known.answers["mi_sttc"])
    with pytest.raises(OptionsError, match="none of what is to be learnt"):
        lessons_of(options.teachers, run_of(("mi",)).tasks, known, rows)


def test_teachers_of_batches_see_what_their_student_sees(several, windows) -> None:
    known = tiny_set()
    tasks = run_of(("mi", "mi_sttc")).tasks
    teachers = hired([str(several), str(windows)], tasks, known)
    views = [teacher.known for teacher in teachers]
    places = list(range(8))
    mixed = Batches(known, halves().train, known.answers["mi_sttc"], QUICK, PaperOptions(), None, True, views)
    batch = mixed.__getitems__(places)
    assert torch.equal(batch["view_0"], batch["x"]), "the same leads, mixed and cut alike"
    lead_i = batch["view_1"][:, 0] * 0.25
    apart = lead_i - batch["x"][:, 0]
    assert (apart - apart.median(dim=1, keepdim=True).values).abs().max() < 1e-3, "the same seconds of lead I"
    hidden = Batches(known, halves().train, known.answers["mi_sttc"], QUICK, PAPER, None, True, views)
    shown = hidden.__getitems__(places)
    assert torch.equal(shown["view_0"], batch["view_0"]), "a teacher sees the record before it is paper"
    assert not torch.equal(shown["x"], batch["x"])


@pytest.mark.parametrize("which", ["several", "windows"])
def test_a_teacher_of_batches_answers_like_its_model(which, request) -> None:
    folder = request.getfixturevalue(which)
    known = tiny_set()
    tasks = run_of(("mi", "mi_sttc")).tasks
    (teacher,) = hired([str(folder)], tasks, known)
    x = teacher.known.inputs(np.arange(6))
    told = teacher.answers(torch.from_numpy(x), 2).numpy()
    classifier = load_classifier(folder, backend="torch")
    logit = classifier.logits(x)[:, classifier.outputs("mi_sttc")]
    assert np.isnan(told[:, 0]).all(), "it was never taught mi"
    assert np.allclose(told[:, 1:], 1 / (1 + np.exp(-logit)), atol=1e-5)


def test_a_student_follows_its_teachers_where_they_answer(several, windows) -> None:
    known = tiny_set()
    run = run_of(("mi", "mi_sttc"))
    options = replace(QUICK, teachers=(str(several), str(windows)), lessons="batches", distil=1.0)
    teachers = hired(options.teachers, run.tasks, known)
    y = np.concatenate([known.answers["mi"], known.answers["mi_sttc"]], axis=1)
    views = [teacher.known for teacher in teachers]
    batch = Batches(known, halves().train, y, options, PAPER, None, True, views).__getitems__(list(range(8)))
    seen: list[torch.Tensor] = []

    class Said(torch.nn.Module):
        def forward(self, x: torch.Tensor, _extra: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(x), 2, requires_grad=True)

    from classify import training

    def noted(logits: torch.Tensor, target: torch.Tensor, _groups: object) -> torch.Tensor:
        seen.append(target)
        return logits.sum()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "group_loss", noted)
        Learner(Said(), (), options, teachers=teachers).training_step(batch, 0)
    told = [teacher.answers(batch[f"view_{k}"], 2)[:, 1] for k, teacher in enumerate(teachers)]
    assert torch.allclose(seen[0][:, 1], torch.stack(told).mean(dim=0), atol=1e-6)
    assert torch.equal(seen[0][:, 0], batch["y"][:, 0]), "where no teacher answers, the truth stays"


def test_a_student_of_batches_is_trained_goes_on_and_keeps_no_teacher(several, windows, tmp_path) -> None:
    options = replace(QUICK, epochs=2, teachers=(str(several), str(windows)), lessons="batches", distil=0.7)
    known = tiny_set()
    card = train(run_of(options=options), known, tmp_path)
    assert card is not None
    assert card.data["recipe"]["lessons"] == "batches"
    state = torch.load(tmp_path / "last.ckpt", map_location="cpu", weights_only=True)["state_dict"]
    assert {name.split(".")[0] for name in state} == {"network", "average"}


def test_who_cannot_answer_batches_is_refused(several, tmp_path) -> None:
    known = tiny_set()
    made = replace(known, signals=None, ready=np.zeros((len(known), *known.spec.shape), np.float32))
    with pytest.raises(OptionsError, match="cannot answer batches"):
        hired([str(several)], run_of().tasks, made)
