import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from ecg import OptionsError
from synth.source import iter_pages
from synth.torch_dataset import SynthDataset, page_tensors


def number_and_mean(page):
    return page.record.meta["index"], float(page.page.image.mean())


def loaded(workers, **options):
    dataset = SynthDataset(preset="published", seed=4, transform=number_and_mean, **options)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)
    return list(loader)


def test_workers_share_the_pages_without_doubling_or_gaps():
    alone = loaded(0, start=2, stop=7)
    assert [index for index, _ in alone] == [2, 3, 4, 5, 6]
    # A worker is forked here: pages come round by round, and each is the same as without workers.
    assert sorted(loaded(2, start=2, stop=7)) == alone


def test_ranks_share_the_pages_too():
    parts = [loaded(0, start=1, stop=6, rank=rank, world_size=2) for rank in (0, 1)]
    assert [[index for index, _ in part] for part in parts] == [[1, 3, 5], [2, 4]]
    sizes = [len(SynthDataset(start=1, stop=6, preset="clean", rank=rank, world_size=2)) for rank in (0, 1)]
    assert sizes == [3, 2]


@pytest.mark.parametrize(("world_size", "workers"), [(1, 3), (2, 2), (3, 1)])
def test_every_split_covers_every_number_once(monkeypatch, world_size, workers):
    import synth.torch_dataset as module

    class Worker:
        def __init__(self, number):
            self.id, self.num_workers = number, workers

    asked = []

    def numbers(source, preset, seed, start, stop, *, step, folds):
        asked.extend(range(start, stop, step))
        return iter(())

    monkeypatch.setattr(module, "iter_pages", numbers)
    for rank in range(world_size):
        dataset = SynthDataset(preset="clean", start=5, stop=28, rank=rank, world_size=world_size)
        before = len(asked)
        for number in range(workers):
            monkeypatch.setattr(module, "get_worker_info", lambda number=number: Worker(number))
            assert list(dataset) == []
        assert len(asked) - before == len(dataset)
    assert sorted(asked) == list(range(5, 28))


def test_tensors_hold_the_page():
    page = next(iter_pages(preset="published", seed=4))
    tensors = next(iter(SynthDataset(preset="published", seed=4)))
    np.testing.assert_array_equal(tensors["image"].numpy().transpose(1, 2, 0), page.page.image)
    np.testing.assert_array_equal(tensors["mask"].numpy(), page.masks)
    np.testing.assert_array_equal(tensors["signal"].numpy(), page.record.signal)
    assert tensors["labels"] == tuple(page.record.meta["labels"])
    assert (tensors["leads"], tensors["fs"], tensors["index"]) == (page.record.leads, 500.0, 0)
    tensors["image"][:] = 0  # its own memory
    assert page_tensors(page)["image"].any()


def test_it_pickles_and_starts_afresh_each_time():
    dataset = SynthDataset(preset="published", seed=4, stop=1, transform=number_and_mean)
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    assert list(again) == list(dataset) == list(dataset)


@pytest.mark.parametrize(
    "options", [{"preset": "burnt"}, {"start": -1}, {"start": 5, "stop": 4}, {"rank": 2, "world_size": 2}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionsError):
        SynthDataset(**options)


def test_pages_that_never_end_have_no_length():
    with pytest.raises(TypeError, match="never ends"):
        len(SynthDataset(preset="clean"))


def test_the_package_itself_does_without_torch():
    code = "import sys, synth; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    code = "import sys; sys.modules['torch'] = None; import synth.torch_dataset"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModelError" in done.stderr
    assert "einthoven[learn]" in done.stderr
