import json
from collections import Counter

import numpy as np
import pytest

from ecg import OptionsError
from synth.degrade import GEOMETRY, STEPS, sample_steps
from synth.degrade.presets import MEMBERS, MIXTURE, sample_member
from synth.style import PRESETS

#: What a page goes through, in this order; steps of one stage may stand in any.
STAGES = (
    ("fade", "bleed", "rollers"),
    ("age", "mould", "stains"),
    ("handwriting", "stamp", "redaction", "attached", "holes", "panel"),
    ("flap", *GEOMETRY),
    ("moire", "hand"),
    ("light", "glare"),
    ("defocus", "motion", "tone", "grain", "sharpen", "jpeg"),
)


def drawn(preset, n=150):
    return [sample_steps(np.random.default_rng(seed), preset) for seed in range(n)]


def test_the_mixture_is_of_every_other_preset():
    assert set(MEMBERS) == set(PRESETS) - {MIXTURE}
    assert sum(MEMBERS.values()) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    met = Counter(sample_member(rng) for _ in range(4000))
    for name, share in MEMBERS.items():
        # within four standard errors
        assert met[name] / 4000 == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5)


@pytest.mark.parametrize("preset", PRESETS)
def test_steps_are_known_plain_and_the_same_for_the_same_page(preset):
    for seed in range(20):
        steps = sample_steps(np.random.default_rng(seed), preset)
        assert all(step["name"] in STEPS for step in steps)
        assert json.loads(json.dumps(steps)) == [dict(step) for step in steps]
        assert steps == sample_steps(np.random.default_rng(seed), preset)


@pytest.mark.parametrize("preset", ["phone", "wrecked"])
def test_steps_follow_a_page_s_life(preset):
    for steps in drawn(preset):
        stages = [next(k for k, names in enumerate(STAGES) if step["name"] in names) for step in steps]
        # a message may lower the resolution and compress once more
        tail = [step["name"] for step in steps[-2:]]
        if tail == ["scale", "jpeg"]:
            stages = stages[:-2]
        assert stages == sorted(stages), [step["name"] for step in steps]


@pytest.mark.parametrize(
    ("preset", "always", "never"),
    [
        ("clean", set(), set(STEPS)),
        ("published", {"noise", "rotation", "blur"}, set(STEPS) - {"noise", "rotation", "blur"}),
        ("scan", {"rotation", "illumination", "blur", "noise", "jpeg"}, {"perspective", "handwriting", "photocopy"}),
        ("photocopy", {"rotation", "photocopy"}, {"perspective", "fax", "light", "moire"}),
        ("fax", {"rotation", "fax"}, {"perspective", "photocopy", "light", "moire"}),
        (
            "phone",
            {"perspective", "light", "tone", "grain", "jpeg", "defocus"},
            {"photocopy", "fax", "moire", "crumple"},
        ),
        ("screen", set(), {"photocopy", "fax", "crumple", "stains"}),
        ("archive", {"age", "rotation", "jpeg"}, {"perspective", "photocopy", "fax", "moire"}),
        ("wrecked", {"crumple", "perspective", "light", "jpeg"}, {"photocopy", "fax", "moire"}),
    ],
)
def test_presets_are_what_their_names_say(preset, always, never):
    for steps in drawn(preset):
        names = {step["name"] for step in steps}
        assert always <= names
        assert not names & never


def test_every_step_is_met_in_the_mixture_but_the_mirror():
    met = {step["name"] for steps in drawn(MIXTURE, 1500) for step in steps}
    assert set(STEPS) - met == {"mirror"}


def test_an_unknown_preset_is_named():
    with pytest.raises(OptionsError, match="phone, screen"):
        sample_steps(np.random.default_rng(0), "polaroid")
