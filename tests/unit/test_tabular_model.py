"""Table models: they predict from raw tables, and their files give back the same predictions."""

import copy
import pickle

import numpy as np
import pytest

import deepcore as dc
from deepcore.files import container
from deepcore.tabular import Columns, Encoding, Frame, Label, TableMember, TableModel


def trained(frame, label, *, members=1, task="auto", epochs=40, hidden=8, **encoding):
    """A small network on a table; a label that is a number is standardised."""
    columns = Columns.fit(frame, label=label)
    target = Label.fit(frame, name=label, task=task)
    numbers, codes, _ = columns.apply(frame)
    y = target.encode(frame)
    parts = []
    for seed in range(members):
        scheme = Encoding.fit(numbers, codes, columns.sizes, **encoding)
        X = scheme.transform(numbers, codes)
        if target.task == "regression":
            shift, scale = y.mean(axis=0), y.std(axis=0)
            model = dc.mlp([scheme.inputs, hidden, target.outputs], output="linear", seed=seed)
            model.fit(X, (y - shift) / scale, dc.Adam(0.02), epochs=epochs)
            parts.append(TableMember(scheme, model, shift=shift, scale=scale))
        else:
            model = dc.mlp([scheme.inputs, hidden, target.outputs], output="softmax", seed=seed)
            model.fit(X, y, dc.Adam(0.02), epochs=epochs)
            parts.append(TableMember(scheme, model))
    return TableModel(columns, target, parts)


@pytest.fixture
def houses(rng):
    size = rng.uniform(20, 200, 80)
    town = rng.choice(["Bonn", "Ulm", "Jena"], 80)
    return Frame(
        {
            "id": [f"H{i}" for i in range(80)],
            "size": [None if i % 9 == 0 else f"{x:.2f}" for i, x in enumerate(size)],
            "town": town.tolist(),
            "built": [f"{1950 + i % 60}-0{1 + i % 9}-01" for i in range(80)],
            "lift": ["yes" if i % 2 else "no" for i in range(80)],
            "dear": ["01" if x > 110 else "1" for x in size],
            "price": (1.6e9 + 45 * size).tolist(),
        }
    )


def test_evaluate_knows_the_marks_of_missing_values_of_the_training():
    table = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["NA", "b", "NA", "b"]}
    columns = Columns.fit(table, label="y", missing=["none"])
    label = Label.fit(table, name="y", missing=["none"])
    numbers, codes, _ = columns.apply(table)
    encoding = Encoding.fit(numbers, codes, columns.sizes)
    model = TableModel(columns, label, [TableMember(encoding, dc.mlp([1, 2], output="softmax", seed=1))])
    assert set(model.evaluate(table)) == {"accuracy", "log_loss"}
    with pytest.raises(ValueError, match=r"1 of 2 labels .* are missing"):
        model.evaluate({"x": [1.0, 2.0], "y": ["b", "none"]})


def test_evaluate_needs_a_label_for_every_row(houses):
    model = trained(houses.drop(["price"]), "dear")
    with pytest.raises(ValueError, match="evaluate: y must have 80 rows like the table, got 1"):
        model.evaluate(houses, ["01"])
    with pytest.raises(ValueError, match="evaluate: the table must have at least one row"):
        model.evaluate({name: houses[name][:0] for name in houses.names}, [])


def test_labels_come_back_as_they_were_written(houses):
    model = trained(houses.drop(["price"]), "dear")
    assert set(model.predict(houses)) == {"01", "1"}
    assert model.evaluate(houses)["accuracy"] > 0.8
    probabilities = model.predict_proba(houses)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert [model.label.classes[i] for i in probabilities.argmax(axis=1)] == model.predict(houses).tolist()


def test_predictions_of_a_regression_keep_more_digits_than_the_network(houses):
    model = trained(houses.drop(["dear"]), "price")
    predicted = model.predict(houses)
    assert predicted.dtype == np.float64
    assert len(np.unique(predicted)) > 75  # float32 has only few numbers around 1.6e9
    scores = model.evaluate(houses)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - houses["price"]) ** 2)), rel=1e-9)
    assert scores["r2"] > 0.8


@pytest.mark.parametrize("label", ["dear", "price"])
def test_a_saved_table_model_predicts_the_same(houses, tmp_path, label):
    other = {"dear": "price", "price": "dear"}[label]
    model = trained(houses.drop([other]), label, members=2, scaling="robust", clip=True)
    model.extras = {"note": "kept"}
    model.save(tmp_path / "m")
    again = dc.load(tmp_path / "m")
    assert isinstance(again, TableModel)
    assert (again.columns, again.label, again.extras) == (model.columns, model.label, model.extras)
    assert again.predict(houses).tolist() == model.predict(houses).tolist()


def test_pickles_and_copies_predict_the_same(houses):
    model = trained(houses.drop(["price"]), "dear", epochs=2)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.predict_proba(houses).tolist() == model.predict_proba(houses).tolist()
        again.members[0].network.flat[:] = 0
    assert model.members[0].network.flat.any()


def test_an_empty_table_has_no_predictions(houses):
    model = trained(houses.drop(["price"]), "dear", epochs=1)
    assert model.predict(houses.take([])).tolist() == []
    assert model.predict_proba(houses.take([])).shape == (0, 2)


def test_predictions_need_no_label_and_no_order_of_columns(houses):
    model = trained(houses.drop(["price"]), "dear")
    shuffled = houses.select(["lift", "town", "built", "size"])
    assert model.predict(shuffled).tolist() == model.predict(houses).tolist()


def test_one_row_is_predicted_as_it_is_within_the_table(houses):
    model = trained(houses.drop(["price"]), "dear")
    alone = np.concatenate([model.predict_proba(houses.take([i])) for i in range(10)])
    np.testing.assert_array_equal(alone, model.predict_proba(houses)[:10])


def test_columns_that_a_model_does_not_use_may_hold_anything(houses):
    model = trained(houses, "dear")
    table = {name: houses[name] for name in houses}
    strange = {**table, "id": [{"number": i} for i in range(80)], "notes": [[i] for i in range(80)]}
    np.testing.assert_array_equal(model.predict(strange), model.predict(houses))
    assert model.evaluate(strange) == model.evaluate(houses)


def test_members_are_averaged(houses):
    both = trained(houses.drop(["price"]), "dear", members=2)
    single = [TableModel(both.columns, both.label, [member]).predict_proba(houses) for member in both.members]
    np.testing.assert_allclose(both.predict_proba(houses), (single[0] + single[1]) / 2, rtol=1e-12)


def test_bounds_and_temperature_are_applied(houses):
    model = trained(houses.drop(["dear"]), "price")
    member = model.members[0]
    low, high = float(houses["price"].min()), float(houses["price"].min() + 100)
    bounded = TableMember(
        member.encoding, member.network, shift=member.shift, scale=member.scale, low=low, high=high
    )
    predicted = TableModel(model.columns, model.label, [bounded]).predict(houses)
    assert low <= predicted.min()
    assert predicted.max() <= high
    classes = trained(houses.drop(["price"]), "dear")
    warm = TableMember(classes.members[0].encoding, classes.members[0].network, temperature=1e6)
    even = TableModel(classes.columns, classes.label, [warm]).predict_proba(houses)
    np.testing.assert_allclose(even, 0.5, atol=1e-4)


def test_a_network_that_does_not_fit_the_columns_is_refused(houses):
    model = trained(houses.drop(["price"]), "dear")
    with pytest.raises(ValueError, match="the network must have 14 inputs"):
        TableMember(model.members[0].encoding, dc.mlp([3, 2], output="softmax"))
    with pytest.raises(ValueError, match="at least one network"):
        TableModel(model.columns, model.label, [])
    small = TableMember(model.members[0].encoding, dc.mlp([14, 3], output="softmax"))
    with pytest.raises(ValueError, match="a network must have 2 outputs"):
        TableModel(model.columns, model.label, [small])


def test_a_regression_has_no_probabilities(houses):
    with pytest.raises(ValueError, match="has no classes"):
        trained(houses.drop(["dear"]), "price", epochs=1).predict_proba(houses)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("columns"),
        lambda d: d["columns"]["columns"][0].pop("kind"),
        lambda d: d["columns"]["columns"][1].update(kind="code"),
        lambda d: d["columns"]["columns"][1].update(fill=[]),
        lambda d: d["label"].update(classes=["1"]),
        lambda d: d["label"].update(classes=[1, 2]),
        lambda d: d["members"].clear(),
        lambda d: d["members"][0].update(temperature=0),
        lambda d: d["members"][0]["encoding"].update(sizes=[9, 9]),
        lambda d: d["members"][0]["network"].update(inputs=3),
        lambda d: d["members"].append(d["members"][0]),
        lambda d: d.update(extras=[]),
    ],
)
def test_a_file_with_wrong_parts_is_refused(houses, tmp_path, change):
    model = trained(houses.drop(["price"]), "dear", epochs=1)
    description, tensors = model.describe()
    description = copy.deepcopy(description)
    change(description)
    container.write(tmp_path / "m", description, tensors)
    with pytest.raises(ValueError, match="load: "):
        dc.load(tmp_path / "m")
