"""RealMLP with a checkpoint: splits are trained at the same time, and each goes on from a file of its own."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import deepcore as dc
from deepcore import _core
from deepcore._training import writing
from deepcore.files import container
from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor

SPLITS = [{"cv": 3}, {"n_ens": 2}, {"cv": 3, "n_ens": 2}]
EARLY = {"early_stopping": True, "patience": (1, 1)}
EPOCHS = 6


def examples():
    X = np.random.default_rng(0).normal(size=(90, 3))
    return X, X[:, 0] * X[:, 1] > 0


def classifier(path=None, kind=dc.Checkpoint, **options):
    settings = {"hidden_layer_sizes": 8, "n_epochs": EPOCHS, "variant": "td", "random_state": 1, **options}
    return RealMLPClassifier(**settings, checkpoint=None if path is None else kind(path))


def same(one, other):
    """Whether two fitted classifiers have the same bits."""
    assert one.loss_curves_ == other.loss_curves_
    assert one.validation_errors_ == other.validation_errors_
    assert one.best_epochs_ == other.best_epochs_
    for models, others in zip(one.models_, other.models_, strict=True):
        for model, twin in zip(models, others, strict=True):
            assert np.array_equal(model.flat_parameters, twin.flat_parameters)
            assert model.epochs_trained == twin.epochs_trained


@pytest.fixture
def calls(monkeypatch):
    """Of every native call, the number of epochs of each network."""
    seen, train = [], _core.train_many

    def train_many(trainings, *more):
        seen.append([one["epochs"] for one in trainings])
        return train(trainings, *more)

    monkeypatch.setattr(_core, "train_many", train_many)
    return seen


@pytest.mark.parametrize("saved", [False, True])
def test_splits_are_trained_in_one_call(calls, saved, tmp_path):
    classifier(tmp_path / "run" if saved else None, cv=3).fit(*examples())
    assert calls == [[EPOCHS] * 3]


@pytest.mark.parametrize("saved", [False, True])
def test_the_members_of_all_splits_are_trained_in_one_call_per_epoch(calls, saved, tmp_path):
    classifier(tmp_path / "run" if saved else None, cv=3, n_ens=2).fit(*examples())
    assert calls == [[1] * 6] * EPOCHS


@pytest.mark.parametrize("options", SPLITS)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_checkpoint_changes_no_bit_and_every_split_has_a_file(options, threads, tmp_path):
    whole = classifier(**options, **EARLY).fit(*examples())
    saved = classifier(tmp_path / "run.safetensors", **options, **EARLY, n_threads=threads).fit(*examples())
    same(whole, saved)
    names = ["run.safetensors", "run.2.safetensors", "run.3.safetensors"][: options.get("cv", 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name, models in zip(names, saved.models_, strict=True):
        assert np.array_equal(dc.load(tmp_path / name).flat_parameters, models[0].flat_parameters)


@pytest.mark.parametrize("options", [{"n_ens": 2}, {"cv": 3}])
def test_a_stopped_fit_goes_on_from_its_checkpoint(tmp_path, options):
    whole = classifier(**options).fit(*examples())

    class StopsAlways(dc.Checkpoint):
        """Asks for the end of the training in every epoch."""

        stopping = property(lambda self: True, lambda self, value: None)

    path = tmp_path / "run.safetensors"
    for epoch in range(1, EPOCHS):
        part = classifier(path, StopsAlways, **options, n_threads=1).fit(*examples())
        assert part.n_iter_ == epoch
        assert not part.checkpoint.finished
    again = classifier(path, **options).fit(*examples())
    assert (again.checkpoint.resumed, again.checkpoint.finished) == (True, True)
    same(again, whole)


@pytest.mark.parametrize("options", [*SPLITS, {"cv": 3, **EARLY}, {"cv": 2, "n_ens": 2, **EARLY}])
def test_whatever_files_a_kill_leaves_the_same_fit_ends_with_the_same_bits(tmp_path, options, monkeypatch):
    whole = classifier(**options).fit(*examples())
    left, write, put = [{}], container.write, writing.Writer.put  # the files after every write

    def put_and_wait(writer, *contents):
        put(writer, *contents)
        writer.wait()

    def write_and_keep(path, *content):
        write(path, *content)
        left.append({**left[-1], path: Path(path).read_bytes()})

    monkeypatch.setattr(writing.Writer, "put", put_and_wait)
    monkeypatch.setattr(container, "write", write_and_keep)
    path = tmp_path / "run.safetensors"
    same(classifier(path, **options, n_threads=1).fit(*examples()), whole)
    moments = list(left)
    assert len(moments) > sum(map(len, whole.loss_curves_))  # each epoch is saved, and each result
    for number, files in enumerate(moments):
        for file in tmp_path.iterdir():
            file.unlink()
        for name, data in files.items():
            Path(name).write_bytes(data)
            dc.load(name)
        left = [{}]
        again = classifier(path, **options).fit(*examples())
        same(again, whole)
        assert (again.checkpoint.resumed, again.checkpoint.finished) == (number > 0, True)
        for file, models in zip(sorted(tmp_path.iterdir(), key=order), again.models_, strict=True):
            assert np.array_equal(dc.load(file).flat_parameters, models[0].flat_parameters)
    assert left == [{}]  # finished trainings are not written again


def test_an_interrupt_between_the_steps_of_two_members_saves_no_mixture_of_them(tmp_path, monkeypatch):
    options = {"n_ens": 2, "cv": 2}
    whole = classifier(**options).fit(*examples())
    train, left = _core.train_many, [3]

    def train_many(trainings, *more):
        left[0] -= 1
        if left[0] == 0:
            train([trainings[1]], *more)
            raise KeyboardInterrupt
        return train(trainings, *more)

    monkeypatch.setattr(_core, "train_many", train_many)
    rarely = partial(dc.Checkpoint, every_epochs=10 * EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        classifier(tmp_path / "run", rarely, **options).fit(*examples())
    same(classifier(tmp_path / "run", rarely, **options).fit(*examples()), whole)


def test_splits_with_one_network_are_saved_within_an_epoch_too(tmp_path, monkeypatch):
    whole = classifier(cv=2, batch_size=1).fit(*examples())
    write, left = container.write, []

    def write_and_keep(path, description, tensors):
        write(path, description, tensors)
        if description["run"]["parts"]["position"]["place"][0] > 0:
            left.append({file: file.read_bytes() for file in tmp_path.glob("run*")})

    monkeypatch.setattr(container, "write", write_and_keep)
    often = partial(dc.Checkpoint, every_epochs=None, every_seconds=1e-9)
    same(classifier(tmp_path / "run", often, cv=2, batch_size=1, n_threads=1).fit(*examples()), whole)
    moments = list(left)
    assert moments
    for files in moments:
        for file in tmp_path.iterdir():
            file.unlink()
        for file, data in files.items():
            file.write_bytes(data)
        again = classifier(tmp_path / "run", often, cv=2, batch_size=1).fit(*examples())
        assert again.checkpoint.resumed
        same(again, whole)


def order(path):
    """The number of a split, by the name of its file."""
    return int(f"0{path.name.removeprefix('run.').removesuffix('safetensors').strip('.')}")


@pytest.mark.parametrize("members", [1, 2])
def test_a_split_that_is_finished_is_not_trained_again(calls, members, tmp_path):
    whole = classifier(tmp_path / "run", cv=3, n_ens=members).fit(*examples())
    (tmp_path / "run.2").unlink()
    del calls[:]
    again = classifier(tmp_path / "run", cv=3, n_ens=members).fit(*examples())
    assert calls == ([[0, EPOCHS, 0]] if members == 1 else [[1, 1]] * EPOCHS)
    assert (again.checkpoint.resumed, again.checkpoint.finished) == (True, True)
    same(again, whole)


@pytest.mark.parametrize("members", [1, 2])
def test_the_files_of_all_splits_are_compared_before_one_is_trained(members, tmp_path, calls):
    X, y = examples()
    options = {"cv": 3, "n_ens": members}
    classifier(tmp_path / "run", **options).fit(X, y)
    (tmp_path / "run").unlink()
    (tmp_path / "run.3").write_bytes((tmp_path / "run.2").read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    del calls[:]
    with pytest.raises(ValueError, match=r"split 2: .*run\.3 is the checkpoint of another training: "):
        classifier(tmp_path / "run", **options).fit(X, y)
    assert calls == []
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.5}, "recipe.learning_rate is 0.04 in the file and 0.5 in this call"),
        ({"batch_size": 16}, "recipe.batch_size is 256 in the file and 16 in this call"),
        ({"n_epochs": 7}, "epochs is 6 in the file and 7 in this call, and the recipe's schedule of the"),
        ({"hidden_layer_sizes": 9}, "units is 8 in the file and 9 in this call"),
        ({"random_state": 2}, "seed is .* in the file and .* in this call"),
        ({"n_ens": 3}, "seeds is .* in the file and .* in this call"),
        ({"cv": 4}, "X.shape"),
        ({"validation_metric": "cross_entropy"}, "validation_metric is 'error' in the file"),
        ({**EARLY}, "early_stopping is None in the file"),
        ({"class_weight": "balanced"}, "weights is None in the file"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(change, message, tmp_path):
    options = {"cv": 3, "n_ens": 2}
    classifier(tmp_path / "run", **options).fit(*examples())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"is the checkpoint of another training: .*{message}"):
        classifier(tmp_path / "run", **{**options, **change}).fit(*examples())
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    regressor = RealMLPRegressor(
        hidden_layer_sizes=4, n_epochs=2, random_state=1, checkpoint=dc.Checkpoint(tmp_path / "run")
    )
    regressor.fit(X, X[:, 0])
    with pytest.raises(ValueError, match="another training: the values of"):
        regressor.fit(X, X[:, 1])
    with pytest.raises(ValueError, match="random_state must be an integer if there is a Checkpoint"):
        regressor.set_params(random_state=None).fit(X, X[:, 0])
