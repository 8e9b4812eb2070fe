"""Finite parameters can overflow and predict NaN, which never becomes a label and never counts as right."""

import numpy as np
import pytest

import deepcore as dc

X = np.array([[1.0, 2.0, 3.0], [2.0, 1.0, -1.0]])


def overflowing(outputs=3, **options):
    """A model whose parameters are finite and whose outputs are NaN."""
    model = dc.mlp([3, 4, outputs], activation="linear", seed=1, **options)
    model.flat_parameters[:] = 3e38
    model.parameters["W2"][:, ::2] = -3e38  # inf - inf
    assert np.isnan(model.predict(X)).any()
    return model


def table_model(rows=40):
    """A trained table model, the table and the network in it."""
    from deepcore._realmlp.ensemble import Table, fit_splits
    from deepcore._realmlp.recipe import Recipe
    from deepcore.tabular import Columns, Frame, Label, TableModel

    values = np.random.default_rng(0).normal(size=(rows, 3))
    text = np.array(["no", "yes"], object)[(values[:, 0] > 0).astype(int)]
    frame = Frame.of({"a": values[:, 0], "b": values[:, 1], "c": values[:, 2], "y": text})
    label = Label.fit(frame, name="y")
    columns = Columns.fit(frame, label="y")
    numbers, codes, _ = columns.apply(frame)
    split = np.arange(rows), np.arange(0)
    (fitted,) = fit_splits(
        Table(numbers, codes), label.encode(frame), [split], Recipe.of("td_s", True, epochs=1, hidden=(4,)),
        classes=2,
    )  # fmt: skip
    network = fitted.members[0].network
    numbers = network.snapshot()
    numbers.parameters[:] = 3e38
    numbers.parameters[::2] = -3e38
    network.restore(numbers)
    return TableModel(columns, label, fitted.members), frame


def test_nan_is_wrong_for_every_accuracy():
    model = overflowing()
    for y in ([0, 0], [1, 2]):
        assert model.evaluate(X, y)["accuracy"] == 0
        assert dc.Ensemble([model]).evaluate(X, y)["accuracy"] == 0
        assert model.evaluate(X, y, metrics=["accuracy"])["accuracy"] == 0


def test_other_metrics_of_labels_are_nan():
    pytest.importorskip("sklearn")
    found = overflowing().evaluate(X, [0, 1], metrics=["f1", "balanced_accuracy", "precision", "recall"])
    assert all(np.isnan(found[name]) for name in ("f1", "balanced_accuracy", "precision", "recall"))


def test_no_model_makes_a_label_of_nan():
    from deepcore.prepared import Preparation, PreparedModel

    model, frame = table_model()
    prepared = PreparedModel(overflowing(), Preparation())
    for predict in (
        lambda: model.predict(frame),
        lambda: overflowing().predict_labels(X),
        lambda: dc.Ensemble([overflowing()]).predict_labels(X),
        lambda: prepared.predict(X),
    ):
        with pytest.raises(ValueError, match="must be numbers to become labels, got nan"):
            predict()
    assert model.evaluate(frame)["accuracy"] == 0


def test_an_error_of_realmlp_counts_nan_as_wrong():
    from deepcore._realmlp.targets import Classes

    nothing = np.full((4, 2), np.nan)
    assert Classes(2).error(np.array([0, 0, 1, 1]), nothing) == 1


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("kind", ["arrays", "several labels", "table"])
def test_the_command_line_makes_no_label_of_nan(tmp_path, kind, command):
    pytest.importorskip("click", reason="click is not installed (extra `cli`)")
    from integration.command_line import fail

    path, data = tmp_path / "model", tmp_path / "data.npz"
    y = np.array([[0, 1, 1], [1, 0, 1]]) if kind == "several labels" else np.array([0, 1])
    np.savez(data, X=X, y=y)
    if kind == "table":
        model, _ = table_model()
        model.save(path)
        data = tmp_path / "data.csv"
        data.write_text("a,b,c,y\n1,2,3,yes\n3,2,1,no\n")
    else:
        output = {"output": "sigmoid"} if kind == "several labels" else {}
        overflowing(**output).save(path)
    message = fail(command, path, data)
    assert "nan" in message or "not finite" in message
