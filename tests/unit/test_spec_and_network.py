"""Spec and Network, and what Model offers of them: read-only attributes, copies, snapshots."""

import copy
import dataclasses
import json
import pickle
import threading

import numpy as np
import pytest

import deepcore as dc
from deepcore._network.network import Network
from deepcore._network.spec import Spec

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def norm_model(seed=1):
    """A model that has all kinds of numbers: W, b, gamma, beta and running statistics."""
    layers = [dc.Dropout(0.1), dc.Dense(5, "tanh", norm="batch", l2=0.1), dc.Dense(1, "sigmoid")]
    return dc.Model(3, layers, dtype="float64", seed=seed, loss=dc.CrossEntropy(label_smoothing=0.1))


def bits(model):
    return model.flat_parameters.tobytes() + model.running.flat.tobytes()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Spec)])
def test_an_attribute_that_defines_a_model_cannot_be_assigned(name):
    model = norm_model()
    before = getattr(model, name, None)
    with pytest.raises(AttributeError, match=f"Model: {name} is read-only .* make a new model"):
        setattr(model, name, before)
    assert getattr(model, name, None) == before


@pytest.mark.parametrize("description", [dc.Dense(3), dc.Dropout(0.5), norm_model().spec])
def test_descriptions_are_frozen(description):
    name = dataclasses.fields(description)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(description, name, 4)


def test_what_a_file_holds_is_the_model_that_was_saved(tmp_path):
    model = dc.Model(3, [dc.Dense(1, "linear")], loss=dc.Huber(delta=2.0))
    model.save(tmp_path / "model")
    assert dc.load(tmp_path / "model").spec == model.spec


def test_a_spec_survives_a_round_trip_through_json():
    spec = norm_model().spec
    again = Spec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.layers[0].norm == "batch"


def test_a_changed_spec_is_checked_like_a_new_one():
    spec = norm_model().spec
    assert dataclasses.replace(spec, seed=9).seed == 9
    with pytest.raises(ValueError, match="Model: label_smoothing must be 0 for half_squared_error"):
        dataclasses.replace(spec, layers=[dc.Dense(1, "linear")], loss="auto")
    with pytest.raises(TypeError, match="Model: layers must be a list of at least one Dense"):
        dataclasses.replace(spec, layers=[])


@pytest.mark.parametrize("way", [dc.Model.copy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_has_all_numbers_and_learns_on_as_the_original_would(way):
    model = norm_model()
    model.extras = {"names": ["a"]}
    model.fit(X, Y, "sgd", epochs=2, batch_size=8)
    twin = way(model)
    assert (twin.spec, twin.extras, twin.epochs_trained) == (model.spec, model.extras, 2)
    for one in (model, twin):
        one.fit(X, Y, "sgd", epochs=2, batch_size=8)
    assert bits(twin) == bits(model)


def test_extras_are_a_mapping():
    model = norm_model()
    with pytest.raises(TypeError, match="Model: extras must be a mapping, got None"):
        model.extras = None
    with pytest.raises(TypeError, match=r"save: extras must be a mapping, got \[1\]"):
        model.save("never written", extras=[1])
    with pytest.raises(TypeError, match=r"Ensemble: extras must be a mapping, got \[1\]"):
        dc.Ensemble([model], [1])


def test_a_copy_shares_nothing_with_its_original():
    model = norm_model()
    model.extras = {"names": ["a"]}
    twin, before = model.copy(), bits(model)
    twin.fit(X, Y, epochs=1)
    twin.extras["names"].append("b")
    assert bits(model) == before
    assert model.extras == {"names": ["a"]}
    assert model.epochs_trained == 0


class Scaled(dc.Model):
    """Predicts from numbers up to 255."""

    def predict(self, X, **options):
        return super().predict(np.asarray(X) / 255, **options)


@pytest.mark.parametrize(
    "way", [dc.Model.copy, copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_a_copy_has_the_class_and_the_added_attributes_of_its_original(way):
    model = Scaled(3, [dc.Dense(1, "sigmoid")], seed=1)
    model.notes, model.itself = ["mine"], model
    twin = way(model)
    assert type(twin) is Scaled
    assert twin.predict([[255, 0, 128]]) == model.predict([[255, 0, 128]])
    assert twin.itself is twin
    twin.notes.append("its own")
    assert model.notes == ["mine"]


def test_pickles_name_a_function_that_stays():
    function, *_ = norm_model().__reduce__()
    assert (function.__module__, function.__qualname__) == ("deepcore.model", "_rebuild")


def test_restoring_a_snapshot_brings_parameters_and_statistics_back():
    model = norm_model()
    before, snapshot = bits(model), model.snapshot()
    model.fit(X, Y, epochs=1, batch_size=8)
    assert bits(model) != before
    model.restore(snapshot)
    assert bits(model) == before


def test_a_snapshot_of_another_size_is_refused_and_changes_nothing():
    model, before = norm_model(), bits(norm_model())
    with pytest.raises(ValueError, match=r"restore: snapshot must have .* got 4 and 0"):
        model.restore(dc.mlp([3, 1]).snapshot())
    assert bits(model) == before


@pytest.mark.parametrize("way", [lambda kept: kept, lambda kept: pickle.loads(pickle.dumps(kept))])
def test_a_snapshot_of_other_layers_with_as_many_parameters_is_refused(way):
    model, other = dc.mlp([2, 3, 1], seed=1), dc.mlp([1, 4, 1], seed=3)
    before = bits(model)
    with pytest.raises(ValueError, match=r"restore: snapshot must be .* with the same layers, .* W1 differs"):
        model.restore(way(other.snapshot()))
    assert bits(model) == before
    with pytest.raises(TypeError, match=r"restore: snapshot must be what snapshot\(\) returned, got None"):
        model.restore(None)


def test_a_callback_may_restore_the_model_of_its_run():
    model = dc.mlp([3, 4, 1])
    before, snapshot = bits(model), model.snapshot()
    model.fit(X, Y, epochs=1, callbacks=[lambda record: record.model.restore(snapshot)])
    assert bits(model) == before


def test_another_thread_may_not_restore_a_model_that_is_being_trained():
    model, errors = norm_model(), []
    snapshot = model.snapshot()

    def restore():
        try:
            model.restore(snapshot)
        except RuntimeError as error:
            errors.append(str(error))

    def callback(record):
        thread = threading.Thread(target=restore)
        thread.start()
        thread.join()

    model.fit(X, Y, epochs=1, callbacks=[callback])
    assert errors == ["restore: this model is already being trained (by a callback or another thread)"]


def test_a_network_starts_with_the_draws_of_its_seed_or_with_a_snapshot():
    spec = norm_model().spec
    drawn = Network(spec)
    assert drawn.flat.tobytes() == norm_model().flat_parameters.tobytes()
    other = Network(dataclasses.replace(spec, seed=2), drawn.snapshot())
    assert other.flat.tobytes() == drawn.flat.tobytes()


def test_a_model_of_a_network_shares_its_numbers():
    model = norm_model()
    again = dc.Model.from_network(model.network)
    again.parameters["W1"][...] = 3
    assert (model.parameters["W1"] == 3).all()
