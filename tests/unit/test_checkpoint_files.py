"""What a checkpoint leaves on the disk, and the trainings and arguments that it refuses."""

import os

import numpy as np
import pytest

import deepcore as dc
from resuming import (
    Killed,
    M,
    batch_list,
    check_same,
    killed_in,
    network,
    plateau,
    problem,
    stopping,
    train,
    unlike,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


# Files.


def test_load_gives_the_model_of_a_checkpoint(path):
    with pytest.raises(Killed):
        train(callbacks=[dc.Checkpoint(path), killed_in(2)], make=lambda: network(norm="batch"))
    model, _, _ = train(epochs=2, make=lambda: network(norm="batch"))
    loaded = dc.load(path)
    assert np.array_equal(loaded.flat_parameters, model.flat_parameters)
    assert np.array_equal(loaded.running.flat, model.running.flat)
    assert (loaded.spec, loaded.epochs_trained) == (model.spec, 2)


def test_load_gives_the_best_model_of_a_finished_run(path):
    callbacks = [stopping(), dc.Checkpoint(path)]
    model, _, history = train(callbacks=callbacks, validation_data=unlike(), epochs=12)
    assert history.best_epoch() < history.epochs - 1
    assert np.array_equal(dc.load(path).flat_parameters, model.flat_parameters)


def test_a_state_of_another_form_is_refused_by_saying_what_is_wrong(path):
    from deepcore.files import container

    train(callbacks=[dc.Checkpoint(path)], epochs=2)
    description, tensors = container.read(path)
    for position, what in ((None, "TypeError: "), ({}, "KeyError: 'epoch'")):
        description["run"]["parts"]["position"] = position
        container.write(path, description, tensors)
        with pytest.raises(ValueError, match=f"its state cannot be put back .{what}.*; remove it to start"):
            train(callbacks=[dc.Checkpoint(path)], epochs=3)


def test_a_file_that_cannot_be_written_ends_no_training(tmp_path, path, monkeypatch):
    from deepcore.files import container

    def full(*arguments):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(container, "write", full)
    with pytest.warns(RuntimeWarning, match="No space left") as caught:
        done = train(callbacks=[dc.Checkpoint(path)])
    assert ["goes on" in str(warning.message) for warning in caught] == [True, False]
    assert "save the model elsewhere" in str(caught[-1].message)
    check_same(train(), done)
    assert not path.exists()


def test_epochs_are_left_out_if_saving_takes_more_than_its_share(path, monkeypatch):
    from deepcore._training import writing
    from deepcore.files import container

    written, write = [], container.write
    monkeypatch.setattr(writing, "_FREE_SECONDS", 0.0)
    monkeypatch.setattr(writing, "_SHARE", 0.0)
    monkeypatch.setattr(container, "write", lambda *arguments: written.append(0) or write(*arguments))
    model, _, _ = train(callbacks=[dc.Checkpoint(path)], epochs=9)
    assert len(written) == 2  # the first epoch, and the end
    assert np.array_equal(dc.load(path).flat_parameters, model.flat_parameters)


def test_a_folder_that_does_not_exist_is_an_error_before_the_first_step(tmp_path):
    with pytest.raises(FileNotFoundError):
        train(callbacks=[dc.Checkpoint(tmp_path / "nowhere" / "run"), killed_in(0)])
    with pytest.raises(IsADirectoryError):
        train(callbacks=[dc.Checkpoint(f"{tmp_path}/run/"), killed_in(0)])
    with pytest.raises(FileNotFoundError):
        train(callbacks=[dc.Checkpoint(""), killed_in(0)])


def test_a_model_file_is_not_written_over(path):
    network().save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="must be a checkpoint, got a file of the kind 'model'"):
        train(callbacks=[dc.Checkpoint(path)])
    assert path.read_bytes() == before


def test_a_damaged_file_is_refused_and_changes_nothing(path):
    train(callbacks=[dc.Checkpoint(path)])
    data = path.read_bytes()
    for position in range(0, len(data), 97):
        changed = bytearray(data)
        changed[position] ^= 4
        path.write_bytes(changed)
        model = network()
        with pytest.raises(ValueError, match=r"load|checkpoint"):
            train(callbacks=[dc.Checkpoint(path)], make=lambda model=model: model)
        assert np.array_equal(model.flat_parameters, network().flat_parameters)


def test_the_thread_that_writes_ends_with_the_run(path):
    import threading

    before = set(threading.enumerate())
    train(callbacks=[dc.Checkpoint(path)])
    with pytest.raises(Killed):
        train(callbacks=[dc.Checkpoint(path.with_name("b")), killed_in(1)])
    assert set(threading.enumerate()) <= before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["b", path.name]


# Another training.

OTHERS = {
    "network.layers.0..units": {"make": lambda: dc.mlp([3, 7, 5, 3], seed=4)},
    "network.seed": {"make": lambda: network(seed=5)},
    "network.dtype": {"make": lambda: network(dtype="float64")},
    "network.layers.0..activation": {"make": lambda: network(activation="tanh")},
    "optimizer.learning_rate": {"optimizer": dc.Adam(0.02)},
    "optimizer.name": {"optimizer": dc.AMSGrad(0.01)},
    "optimizer.clip_norm": {"optimizer": dc.Adam(0.01, clip_norm=1.0)},
    "optimizer.learning_rate is 0.01 in the file and 'Cosine": {"optimizer": dc.Adam(dc.Cosine(0.01))},
    "batch_size": {"batch_size": 8},
    "shuffle": {"shuffle": False},
    "metrics": {"metrics": ["accuracy"]},
    "validation data is": {"validation_data": None},
    "the values of validation data.X": {"validation_data": (problem(20)[0] + 1, problem(20)[1])},
    "weights": {"sample_weight": np.ones(M)},
    "callbacks with a state": {"callbacks": [plateau()]},
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_setting_is_refused_by_name(path, what):
    train(callbacks=[dc.Checkpoint(path)])
    before = path.read_bytes()
    options = dict(OTHERS[what])
    callbacks = [*options.pop("callbacks", []), dc.Checkpoint(path)]
    with pytest.raises(ValueError, match=rf"fit: .* another training: .*{what}"):
        train(callbacks=callbacks, **options)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["X", "y"])
def test_other_values_of_the_data_are_refused(path, name):
    X, y = problem()
    network().fit(X, y, epochs=1, callbacks=[dc.Checkpoint(path)])
    if name == "X":
        X[40, 2] += 1e-6
    else:
        y[40] = (y[40] + 1) % 3
    with pytest.raises(ValueError, match=f"the values of {name} are not those of the file"):
        network().fit(X, y, epochs=1, callbacks=[dc.Checkpoint(path)])


def test_other_first_parameters_are_refused(path):
    def other():
        model = network()
        model.parameters["W1"][0, 0] += 1
        return model

    train(callbacks=[dc.Checkpoint(path)])
    with pytest.raises(ValueError, match="the network does not start from the same numbers"):
        train(callbacks=[dc.Checkpoint(path)], make=other)


def test_another_function_as_rate_is_refused(path):
    train(dc.Adam(lambda step: 0.01), [dc.Checkpoint(path)])
    train(dc.Adam(lambda step: 0.02 / 2), [dc.Checkpoint(path)])
    with pytest.raises(ValueError, match=r"optimizer\.learning_rate"):
        train(dc.Adam(lambda step: 0.01 if step < 8 else 0.02), [dc.Checkpoint(path)])


def test_another_patience_is_refused(path):
    train(callbacks=[dc.Checkpoint(path), stopping()])
    with pytest.raises(ValueError, match=r"patience is 2 in the file and 3 in this call"):
        train(callbacks=[dc.Checkpoint(path), stopping(patience=3)])


def test_more_epochs_are_refused_if_a_schedule_spans_them(path):
    X, y = problem()
    network().fit(X, y, dc.Adam(dc.Cosine(0.01)), epochs=2, callbacks=[dc.Checkpoint(path)])
    with pytest.raises(ValueError, match="the schedule of learning_rate spans all of them"):
        network().fit(X, y, dc.Adam(dc.Cosine(0.01)), epochs=3, callbacks=[dc.Checkpoint(path)])


def test_fewer_epochs_than_were_trained_are_refused(path):
    train(callbacks=[dc.Checkpoint(path)], epochs=3)
    with pytest.raises(ValueError, match="epochs is 2 in this call, and the file has begun 3"):
        train(callbacks=[dc.Checkpoint(path)], epochs=2)


def test_fit_and_fit_batches_do_not_share_a_file(path):
    train(callbacks=[dc.Checkpoint(path)])
    with pytest.raises(ValueError, match=r"fit_batches: .* method is 'fit' in the file"):
        network().fit_batches(batch_list(), callbacks=[dc.Checkpoint(path)])


def test_lbfgs_cannot_be_saved(path):
    X, y = problem()
    with pytest.raises(ValueError, match="must not hold a Checkpoint with LBFGS"):
        network().fit(X, y, dc.LBFGS(), callbacks=[dc.Checkpoint(path)])


def test_two_checkpoints_are_refused(path):
    with pytest.raises(ValueError, match="at most one Checkpoint, got 2"):
        train(callbacks=[dc.Checkpoint(path), dc.Checkpoint(path)])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3,), TypeError, "path must be the name of a file"),
        (("a", None), ValueError, "every_epochs or every_seconds must be a number"),
        (("a", 0), ValueError, "every_epochs must be at least 1"),
        (("a", 1.5), TypeError, "every_epochs must be a whole number"),
        (("a", 1, 0), ValueError, "every_seconds must be above 0"),
        (("a", 1, "often"), TypeError, "every_seconds must be a number"),
    ],
)
def test_arguments_of_a_checkpoint_are_checked(arguments, error, message):
    with pytest.raises(error, match=f"Checkpoint: {message}"):
        dc.Checkpoint(*arguments)


def test_a_checkpoint_refuses_a_loop_that_does_not_save():
    with pytest.raises(TypeError, match="this training cannot be saved"):
        dc.Checkpoint("a")(None)


def test_a_path_may_be_a_string_or_a_path(path):
    assert dc.Checkpoint(str(path)).path == dc.Checkpoint(path).path == os.fspath(path)
    assert repr(dc.Checkpoint("a.b", 2)) == "Checkpoint('a.b', every_epochs=2, every_seconds=None)"
