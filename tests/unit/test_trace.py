"""A trace is a mapping of matrices with norms, dead units, update ratios, formulas and heat maps."""

import pickle
import re

import numpy as np
import pytest

import deepcore as dc
from deepcore import functional as F


def problem(m=9, inputs=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m, inputs))
    return X, (X[:, 0] > 0).astype(int)


def traced(activation="tanh", per="batch", **settings):
    X, y = problem()
    model = dc.mlp([3, 4, 1], activation=activation, dtype="float64", seed=1)
    return model, model.trace(X, y, per=per, **settings), X, y


def test_per_example_dZ_is_that_of_the_course_and_of_functional():
    model, trace, X, y = traced(per="example")
    np.testing.assert_allclose(trace["dZ2"], trace["A2"] - y, rtol=1e-14)
    AL, caches = F.model_forward(X.T, dict(model.parameters), activation="tanh")
    grads = F.model_backward(AL, y[np.newaxis], caches, activation="tanh")
    np.testing.assert_allclose(trace["dA1"], grads["dA1"], rtol=1e-12)
    np.testing.assert_allclose(trace["dZ1"], grads["dA1"] * (1 - trace["A1"] ** 2), rtol=1e-12)


def test_the_two_conventions_differ_in_dA_and_dZ_only():
    _, batch, _, _ = traced()
    _, example, _, _ = traced(per="example")
    for name, array in batch.items():
        factor = 9 if name[:2] in ("dA", "dZ") else 1
        np.testing.assert_array_equal(example[name], array * factor)


def test_per_example_with_weights_is_the_gradient_of_each_weighted_loss():
    w = np.arange(9.0)
    _, trace, _, y = traced(per="example", sample_weight=w)
    np.testing.assert_allclose(trace["dZ2"], w * (trace["A2"] - y), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(trace["dW2"], trace["dZ2"] @ trace["A1"].T / w.sum(), rtol=1e-12)


def test_another_convention_is_refused():
    with pytest.raises(ValueError, match="trace: per must be 'batch' or 'example', got 'row'"):
        traced(per="row")


def test_a_matrix_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="there is no 'Z9'"):
        traced()[1]["Z9"]


def test_a_trace_keeps_the_parameters_of_its_step():
    model, trace, X, y = traced()
    before = model.parameters["W1"].copy()
    model.fit(X, y, dc.SGD(1.0), epochs=3)
    assert np.array_equal(trace.parameters["W1"], before)
    assert not np.array_equal(model.parameters["W1"], before)


def test_the_cost_and_the_norms_are_those_of_the_arrays():
    model, trace, X, y = traced()
    assert trace.cost == model.evaluate(X, y)["loss"]
    assert trace.norms["dW1"] == pytest.approx(np.sqrt((trace["dW1"] ** 2).sum()), rel=1e-14)
    assert trace.norms["W1"] == pytest.approx(np.sqrt((model.parameters["W1"] ** 2).sum()), rel=1e-14)


def test_dead_units_are_those_without_output_on_every_example():
    X, y = problem()
    model = dc.mlp([3, 4, 1], activation="relu", seed=1)
    model.parameters["b1"][[1, 3]] = -99
    trace = model.trace(X, y)
    assert trace.dead.keys() == {1}
    assert list(trace.dead[1]) == [1, 3]
    assert not trace.saturated


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "hard_tanh", "hard_sigmoid", "softsign"])
def test_saturated_units_are_those_with_hardly_any_slope(activation):
    X, y = problem()
    model = dc.mlp([3, 4, 1], activation=activation, seed=1)
    model.parameters["b1"][2] = 99
    trace = model.trace(X, y)
    assert list(trace.saturated[1]) == [2]
    assert not trace.dead


def test_dropped_units_are_not_dead():
    model = dc.mlp([3, 40, 1], activation="relu", dropout=0.5, seed=1)
    model.parameters["b1"][:] = 9
    X, y = problem(m=2)
    trace = model.trace(X, y, step=0)
    assert (trace["A1"] == 0).all(axis=1).any()  # some units are dropped for both examples
    assert not trace.dead


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "hard_tanh", "hard_sigmoid", "softsign"])
@pytest.mark.parametrize(("factor", "units"), [(0.01, 0), (1e5, 6)])
def test_dropped_units_are_neither_saturated_nor_not(activation, factor, units):
    X, y = problem(m=60)
    model = dc.Model(3, [dc.Dense(6, activation, dropout=0.7), dc.Dense(1, "sigmoid")], seed=1)
    model.parameters["W1"] *= factor
    assert len(model.trace(X, y, step=0).saturated.get(1, [])) == units


def test_the_update_ratio_of_gradient_descent_is_rate_times_gradient_over_weights():
    _, trace, _, _ = traced()
    expected = 0.1 * trace.norms["dW1"] / trace.norms["W1"]
    assert trace.update_ratios(0.1)["W1"] == pytest.approx(expected, rel=1e-12)
    assert trace.update_ratios(dc.SGD(0.1))["W1"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("options", [{"rate": {"W": 0.1}}, {"max_norm": 0.5}])
def test_a_number_is_the_rate_of_gradient_descent_with_the_factors_of_the_layer(options):
    model = dc.Model(3, [dc.Dense(6, "tanh", **options), dc.Dense(1, "sigmoid")], seed=1)
    trace = model.trace(*problem())
    assert trace.update_ratios(0.1) == trace.update_ratios(dc.SGD(0.1))


def test_the_update_ratio_of_an_optimizer_is_that_of_its_next_step():
    model, _, X, y = traced()
    state = dc.Adam(0.01).bind(model)
    for _ in range(3):
        state.step(model.gradients(X, y)[1])
    slots = {name: slot.copy() for name, slot in state.slots.items()}
    ratios = model.trace(X, y).update_ratios(state)
    assert all(np.array_equal(slots[name], slot) for name, slot in state.slots.items())
    before = model.parameters["W1"].copy()
    state.step(model.gradients(X, y)[1])
    change = np.linalg.norm(model.parameters["W1"] - before) / np.linalg.norm(before)
    assert ratios["W1"] == pytest.approx(change, rel=1e-12)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match="update_ratios: optimizer must be"):
        traced()[1].update_ratios([0.1])


@pytest.mark.parametrize("per", ["example", "batch"])
@pytest.mark.parametrize("weight", [None, np.arange(1.0, 10.0)])
def test_the_formulas_give_the_matrices(per, weight):
    _, trace, X, y = traced(per=per, sample_weight=weight)
    names = {**trace, **trace.parameters, "X": X, "Y": y, "m": trace.m, "tanh": np.tanh}
    names |= {"w": trace.sample_weight, "sum": np.sum}
    names |= {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "slope": lambda z: 1 - np.tanh(z) ** 2}
    for name, formula in trace.formulas.items():
        if name.startswith("db"):
            continue
        # a space between two names is a product of matrices
        code = re.sub(r"(?<=[\dT]) (?=[A-Zd])", " @ ", formula).replace("tanh'", "slope")
        np.testing.assert_allclose(eval(code, {}, names), trace[name], rtol=1e-10, atol=1e-14, err_msg=name)


def test_the_text_states_the_convention_and_has_a_line_per_layer():
    _, trace, _, _ = traced(per="example")
    lines = str(trace).splitlines()
    assert len(lines) == 5
    assert lines[2].split()[:3] == ["1", "4", "tanh"]
    assert lines[-1].endswith(
        "9 examples; dA and dZ are derivatives of each example's loss (dW = dZ A.T / m)"
    )
    assert repr(trace) == "Trace(2 layers, 9 examples, per='example')"
    _, trace, _, _ = traced(per="example", sample_weight=np.ones(9))
    assert str(trace).endswith("each example's loss times its weight w (dW = dZ A.T / sum(w))")


def test_the_page_shows_every_matrix_and_needs_no_other_file(tmp_path):
    _, trace, _, _ = traced()
    trace.write_html(tmp_path / "trace.html")
    page = (tmp_path / "trace.html").read_text()
    for name in trace:
        assert f"<b>{name} = " in page
    assert "Z1 = W1 A0 + b1</b></code> (4, 9)" in page
    for outside in ("<script", "http", "src='", "href"):
        assert outside not in page


def test_large_matrices_are_drawn_as_one_picture_each():
    X, y = problem(m=600, inputs=30)
    html = dc.mlp([30, 20, 1], seed=1).trace(X, y)._repr_html_()
    assert html.count("data:image/png;base64,") == 15  # all but b2 and db2, which are numbers
    assert "(20, 600)" in html


def test_numbers_that_are_not_finite_are_drawn():
    X, y = problem()
    model = dc.mlp([3, 4, 1], output="linear", seed=1)
    model.parameters["W1"][0, 0] = np.inf
    with np.errstate(all="ignore"):
        assert "inf" in model.trace(X, y)._repr_html_()


def test_the_shape_table_marks_the_wrong_arrays():
    _, trace, _, _ = traced()
    table = trace.shapes.check({"W1": np.ones((4, 3)), "dW2": np.ones((4, 1)), "Z1": np.ones((4, 8))})
    assert table.wrong == {"dW2": (4, 1), "Z1": (4, 8)}
    assert "(1, 4) but dW2 is (4, 1)!" in str(table)
    assert str(table).endswith("21 parameters, m = 9; dW2 is transposed")
    with pytest.raises(KeyError, match="check: there is no 'Q1'"):
        trace.shapes.check({"Q1": 1.0})


def test_a_trace_survives_a_pickle():
    _, trace, _, _ = traced()
    twin = pickle.loads(pickle.dumps(trace))
    assert all(np.array_equal(twin[name], trace[name]) for name in trace)
    assert twin.norms == trace.norms


def test_formulas_name_masks_norms_and_shares():
    model = dc.Model(3, [dc.Dense(4, "tanh"), dc.Dropout(0.5), dc.Dense(3, parametric=True, norm="layer"),
                         dc.Dense(1, "sigmoid")], seed=1)  # fmt: skip
    found = model.trace(*problem(), step=0).formulas
    assert found["A1"] == "tanh(Z1) * mask1"
    assert found["dZ1"] == "dA1 * mask1 * tanh'(Z1)"
    assert found["A2"] == "z + (relu(z) - z) * alpha2, z = gamma2 * normalised(Z2) + beta2"


def test_a_formula_names_labels_that_are_smoothed():
    X, y = problem()
    model = dc.Model(
        3, [dc.Dense(4), dc.Dense(1, "sigmoid")], loss=dc.CrossEntropy(label_smoothing=0.2), dtype="float64"
    )
    trace = model.trace(X, y, per="example")
    assert trace.formulas["dZ2"] == "A2 - smoothed(Y)"
    np.testing.assert_allclose(trace["dZ2"], trace["A2"] - (0.8 * y + 0.1), rtol=1e-12)
