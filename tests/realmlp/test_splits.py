"""Splits are trained at the same time; each gives the bits of a training alone, epoch by epoch."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._realmlp import training as training_of_splits
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.targets import Classes
from deepcore._realmlp.training import Rules, Split, SplitTraining, make_member, train_splits
from deepcore._training.checkpoint import Checkpoints
from deepcore.callbacks import Checkpoint
from deepcore.exceptions import DivergenceWarning
from deepcore.tabular import Encoding
from realmlp.traces import train_epoch_by_epoch

EPOCHS, ROWS, BATCH = 9, 70, 16


def training(seed, rules, variant="td", members=1, checkpoint=None, **changes):
    rng = np.random.default_rng(seed)
    numbers, codes = rng.normal(size=(ROWS + 30, 4)), np.zeros((ROWS + 30, 0), np.int64)
    y = rng.integers(3, size=len(numbers))
    encoding = Encoding.fit(numbers[:ROWS], codes[:ROWS], [], scaling="robust", clip=True, one_hot_limit=9)
    X = encoding.transform(numbers, codes, np.float32)
    recipe = Recipe.of(variant, True, hidden=(12, 10), epochs=EPOCHS, batch_size=BATCH, **changes)
    targets = Classes(3)
    split = Split(Examples(X[:ROWS], targets.encode(y[:ROWS], np.float32), None), X[ROWS:], y[ROWS:], targets)
    made = [make_member(recipe, split, encoding, np.float32, seed + 10 * k) for k in range(members)]
    return SplitTraining(made, split, recipe, replace(rules, checkpoint=checkpoint))


def permuted(one):
    """The order of each epoch that follows from the seed of the network."""

    def order_of(member):
        seed = member.network.spec.seed
        return lambda epoch: _core.permutation(seed, epoch, ROWS)[: ROWS // BATCH * BATCH]

    return [order_of(member) for member in one.members]


def same(one, other):
    assert one.outcome == other.outcome
    for mine, its in zip(one.members, other.members, strict=True):
        assert mine.network.flat.tobytes() == its.network.flat.tobytes()


@pytest.mark.parametrize("variant", ["td", "td_s"])
@pytest.mark.parametrize("patience", [None, (1.0, 1.0)])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_splits_in_one_call_have_the_bits_of_a_training_epoch_by_epoch(variant, patience, threads):
    rules = Rules(early_stopping=patience)
    together, alone = ([training(seed, rules, variant) for seed in (1, 2, 3)] for _ in range(2))
    train_splits(together, threads)
    for one, other in zip(together, alone, strict=True):
        train_epoch_by_epoch(other, permuted(other))
        same(one, other)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_members_of_splits_have_the_bits_of_a_training_epoch_by_epoch(threads):
    rules = Rules(early_stopping=(1.0, 1.0))
    together, alone = ([training(seed, rules, members=3) for seed in (1, 2, 4)] for _ in range(2))
    train_splits(together, threads)
    for one, other in zip(together, alone, strict=True):
        train_epoch_by_epoch(other, permuted(other))
        same(one, other)
    assert len({len(one.outcome.losses) for one in together}) > 1


def test_a_split_that_diverges_keeps_its_best_epoch_and_the_others_go_on():
    def on_epoch(epoch, error):
        if epoch == 3:
            made[1].members[0].network.parameters["W1"][...] = np.nan
        return False

    made = [training(1, Rules()), training(2, Rules(on_epoch=on_epoch))]
    with pytest.warns(DivergenceWarning, match="RealMLP: the loss was no longer finite in epoch 4"):
        fine, lost = train_splits(made, 2)
    assert len(fine.losses) == EPOCHS
    assert len(lost.losses) == 3
    assert 1 <= lost.best_epoch <= 3
    assert np.isfinite(made[1].members[0].network.flat).all()


def test_a_split_that_diverges_in_its_first_epoch_has_no_best_epoch():
    (lost,) = train_splits([training(2, Rules(), learning_rate=1e30)], 1)
    assert lost.best_epoch == 0
    assert not lost.losses


def test_a_callback_ends_its_own_split():
    asked = []

    def on_epoch(epoch, error):
        asked.append(epoch)
        return epoch == 2

    made = [training(seed, Rules(on_epoch=on_epoch)) for seed in (1, 2)]
    assert [len(outcome.losses) for outcome in train_splits(made, 2)] == [2, 2]
    assert sorted(asked) == [1, 1, 2, 2]


def test_an_error_of_a_callback_ends_the_call():
    def on_epoch(epoch, error):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train_splits([training(seed, Rules(on_epoch=on_epoch)) for seed in (1, 2)], 2)


@pytest.mark.parametrize("members", [1, 2])
def test_a_stop_ends_every_split_after_an_epoch_and_the_same_call_goes_on(members, tmp_path):
    whole = [training(seed, Rules(), members=members) for seed in (1, 2, 3)]
    train_splits(whole, 1)

    def on_epoch(epoch, error):
        if epoch == 4:
            first.stop()
        return False

    first = Checkpoint(tmp_path / "run")
    for rules in (Rules(on_epoch=on_epoch), Rules()):
        files = Checkpoints(first).several(3)
        parts = [training(n + 1, rules, members=members, checkpoint=files[n]) for n in range(3)]
        train_splits(parts, 1)
        if rules.on_epoch:
            # one thread trains networks one after the other, and members of all splits side by side
            assert [len(part.outcome.losses) for part in parts] == ([4, 1, 1] if members == 1 else [4] * 3)
            assert not any(file.finished for file in files)
    for one, part in zip(whole, parts, strict=True):
        same(one, part)


@pytest.mark.parametrize("members", [1, 2])
def test_the_data_of_a_split_are_released_when_the_call_has_ended(members, tmp_path):
    one = training(1, Rules(), members=members, checkpoint=Checkpoint(tmp_path / "run"))
    gc.disable()
    try:
        train_splits([one], 1)
        held = weakref.ref(one.split)
        del one
        assert held() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("members", [1, 2])
def test_a_split_that_diverged_is_finished(members, tmp_path):
    def on_epoch(epoch, error):
        if epoch == 3:
            made[1].members[-1].network.parameters["W1"][...] = np.nan
        return False

    found = []
    for rules in (Rules(on_epoch=on_epoch), Rules()):
        files = Checkpoints(Checkpoint(tmp_path / "run")).several(3)
        made = [
            training(n + 1, rules if n == 1 else Rules(), members=members, checkpoint=files[n])
            for n in range(3)
        ]
        with pytest.warns(DivergenceWarning, match="RealMLP: the loss was no longer finite in epoch 4"):
            train_splits(made, 2)
        found.append(made)
    for one, other in zip(*found, strict=True):
        same(one, other)
    assert [len(one.outcome.losses) for one in made] == [EPOCHS, 3, EPOCHS]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_time_limit_of_a_split_allows_as_many_epochs_as_when_it_is_trained_alone(threads, monkeypatch):
    now = [0.0]
    train = _core.train_many

    def train_many(trainings, *more):
        now[0] += -(-len(trainings) // threads)  # a thread trains one network per second
        return train(trainings, *more)

    monkeypatch.setattr(training_of_splits, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(_core, "train_many", train_many)
    made = [training(seed, Rules(seconds=-(-2 // threads) * 5.5), members=2) for seed in (1, 2, 3)]
    for together in (made[:1], made[1:]):
        train_splits(together, threads)
    assert [len(one.outcome.losses) for one in made] == [5] * 3
