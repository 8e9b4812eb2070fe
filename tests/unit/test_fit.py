"""fit: what y may be, weights, orders, and continuing."""

import numpy as np
import pytest

import deepcore as dc


def net(output="sigmoid", n=1, dtype="float64"):
    return dc.mlp([3, 5, n], activation="tanh", output=output, dtype=dtype, seed=4)


def examples(m=30):
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, 3)), rng.integers(2, size=m)


def trained(X, y, model=None, **options):
    model = model or net()
    model.fit(X, y, **{"optimizer": dc.SGD(0.5), "epochs": 3, "batch_size": 8} | options)
    return model.flat_parameters.copy()


# Data.


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint8, np.int64, np.float32, np.float64])
def test_targets_of_any_numeric_type_train_the_same(kind):
    X, y = examples()
    assert np.array_equal(trained(X, y.astype(kind)), trained(X, y))


def test_one_output_takes_a_vector_or_a_column():
    X, y = examples()
    assert np.array_equal(trained(X, y[:, np.newaxis]), trained(X, y))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
def test_labels_of_any_whole_numbers_train_the_same(kind):
    X, y = examples()
    assert np.array_equal(trained(X, y.astype(kind), net("softmax", 2)), trained(X, y, net("softmax", 2)))


@pytest.mark.parametrize(
    ("output", "n", "y", "error", "message"),
    [
        ("sigmoid", 1, np.zeros(10), ValueError, "fit: y must have 30 rows like X, got 10"),
        (
            "sigmoid",
            1,
            np.zeros((1, 30)),
            ValueError,
            r"y must have 30 rows like X, got 1; is it transposed\?",
        ),
        (
            "sigmoid",
            2,
            np.zeros(30),
            ValueError,
            r"y must have shape \(30, 2\) for 2 output unit\(s\), got \(30,\)",
        ),
        ("sigmoid", 1, np.full(30, 2), ValueError, r"y must be 0 or 1 .*got \[2\] in row 0; .*softmax"),
        ("sigmoid", 1, np.full(30, np.nan), ValueError, "y must be finite in float64, got nan in row 0"),
        ("sigmoid", 1, ["a"] * 30, TypeError, "y must hold numbers, .*map labels to integers"),
        ("sigmoid", 1, 3, ValueError, "y must have 30 rows like X, got no rows"),
        ("softmax", 3, np.full(30, 3), ValueError, "labels from 0 to 2 for 3 softmax units, got 3 in row 0"),
        ("softmax", 3, np.full(30, -1), ValueError, "labels from 0 to 2"),
        ("softmax", 3, np.full(30, 0.5), ValueError, "whole-number labels for softmax, got 0.5 in row 0"),
        ("softmax", 3, np.full(30, np.inf), ValueError, "y must be finite"),
        ("softmax", 3, np.zeros((30, 3)), ValueError, r"use y.argmax\(axis=1\)"),
        ("softmax", 3, np.zeros((30, 1)), ValueError, r"use y.ravel\(\)"),
        ("linear", 1, np.zeros((30, 2)), ValueError, r"y must have shape \(30,\) or \(30, 1\)"),
    ],
)
def test_a_wrong_y_is_refused_and_nothing_changes(output, n, y, error, message):
    model = net(output, n)
    kept = model.flat_parameters.copy()
    with pytest.raises(error, match=message):
        model.fit(examples()[0], y)
    assert np.array_equal(model.flat_parameters, kept)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"optimizer": "adma"}, ValueError, "did you mean 'adam'"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be a name, an Optimizer"),
        ({"metrics": ["auc"]}, ValueError, "fit: metrics must be one of accuracy"),
        ({"validation_data": 3}, TypeError, r"validation_data must be \(X, y\)"),
        (
            {"validation_data": (np.zeros((2, 4)), [0, 1])},
            ValueError,
            "validation_data: X must have 3 columns",
        ),
        ({"sample_weight": np.ones(4)}, ValueError, r"sample_weight must have shape \(30,\)"),
        (
            {"sample_weight": np.full(30, -1.0)},
            ValueError,
            "sample_weight must not be negative, got -1.0 in row 0",
        ),
        ({"sample_weight": np.full(30, np.nan)}, ValueError, "sample_weight must be finite"),
        ({"sample_weight": np.zeros(30)}, ValueError, "must leave an example with weight"),
        ({"sample_weight": np.full(30, 1e308)}, ValueError, "must have a sum of at most 2e.300 in float64"),
        ({"class_weight": {0: 1e308, 1: 1e308}}, ValueError, "must have a sum of at most"),
        ({"class_weight": 5}, TypeError, "class_weight must be a mapping or 'balanced', got 5"),
        ({"class_weight": {0: "a"}}, TypeError, "class_weight must hold numbers"),
        ({"metrics": None}, TypeError, "metrics must be a list, got None"),
        ({"metrics": "accuracy"}, TypeError, "metrics must be a list, got 'accuracy'"),
        (
            {"validation_split": 0.1, "sample_weight": np.eye(30)[0]},
            ValueError,
            "validation_split must leave the validation part weight",
        ),
        ({"class_weight": "equal"}, ValueError, "must be a mapping or 'balanced', got 'equal'"),
        ({"class_weight": {7: 1.0}}, ValueError, "class_weight must name labels from 0 to 1, got 7"),
        ({"class_weight": {1.5: 1.0}}, ValueError, "class_weight must name labels from 0 to 1, got 1.5"),
        ({"class_weight": [{1: 2.0}]}, TypeError, "class_weight must be a mapping or 'balanced', got "),
        ({"class_weight": {0: -1.0}}, ValueError, "class_weight must be finite and not negative"),
    ],
)
def test_wrong_options_are_refused_and_nothing_changes(options, error, message):
    model, (X, y) = net(), examples()
    kept = model.flat_parameters.copy()
    with pytest.raises(error, match=message):
        model.fit(X, y, **options)
    assert np.array_equal(model.flat_parameters, kept)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="fit: X must have at least one row"):
        net().fit(np.empty((0, 3)), [])


def test_accuracy_of_a_regression_is_refused():
    X, y = examples()
    with pytest.raises(ValueError, match="accuracy needs a sigmoid or softmax output, got linear"):
        net("linear").fit(X, y, metrics=["accuracy"])


def test_class_weights_of_real_targets_are_refused():
    X, _ = examples()
    with pytest.raises(ValueError, match="class_weight needs class labels"):
        net("linear").fit(X, X[:, 0], class_weight="balanced")


# Weights. Full batches: there the weighted mean is over all examples.


def full(X, y, **options):
    return trained(X, y, batch_size=None, **options)


def test_whole_number_weights_equal_repeated_rows():
    X, y = examples()
    times = np.arange(30) % 3 + 1
    # sums in another order: some ulps a step, three steps
    np.testing.assert_allclose(
        full(X, y, sample_weight=times), full(np.repeat(X, times, axis=0), np.repeat(y, times)), rtol=1e-11
    )


def test_weight_zero_equals_the_row_left_out():
    X, y = examples()
    weight = np.ones(30)
    weight[::4] = 0.0
    np.testing.assert_allclose(
        full(X, y, sample_weight=weight), full(X[weight > 0], y[weight > 0]), rtol=1e-11
    )


def test_balanced_classes_weigh_the_same_together():
    X, y = examples()
    count = np.bincount(y)
    weight = (len(y) / (2 * count))[y]
    assert weight[y == 0].sum() == pytest.approx(weight[y == 1].sum())
    assert np.array_equal(full(X, y, class_weight="balanced"), full(X, y, sample_weight=weight))


def labels(m=30):
    X, y = examples(m)
    return X, np.column_stack([y, X[:, 0] > 0.5, X[:, 1] > -0.2]).astype(int)


@pytest.mark.parametrize("weight", [np.arange(30) % 3, np.arange(30) % 2], ids=["repeated", "left out"])
def test_weights_of_several_labels_are_those_of_the_example(weight):
    X, Y = labels()
    # sums in another order: some ulps a step, three steps
    np.testing.assert_allclose(
        full(X, Y, model=net("sigmoid", 3), sample_weight=weight),
        full(np.repeat(X, weight, axis=0), np.repeat(Y, weight, axis=0), model=net("sigmoid", 3)),
        rtol=1e-11,
    )


def test_balanced_weights_of_several_labels_are_multiplied():
    X, Y = labels()
    product = np.ones(30)
    for column in Y.T:
        product *= (30 / (2 * np.bincount(column)))[column]
    assert np.array_equal(
        full(X, Y, model=net("sigmoid", 3), class_weight="balanced"),
        full(X, Y, model=net("sigmoid", 3), sample_weight=product),
    )


@pytest.mark.parametrize("several", [False, True], ids=["one label", "three labels"])
def test_balanced_is_scikit_learn_s(several):
    peer = pytest.importorskip("sklearn.utils.class_weight", reason="scikit-learn is not installed")
    X, Y = labels()
    Y = Y if several else Y[:, 0]
    weight = peer.compute_sample_weight("balanced", Y)
    n = 3 if several else 1
    assert np.array_equal(
        full(X, Y, model=net("sigmoid", n), class_weight="balanced"),
        full(X, Y, model=net("sigmoid", n), sample_weight=weight),
    )


def test_named_weights_of_several_labels_are_multiplied():
    X, Y = labels()
    named = [{1: 2.0}, {0: 0.5, 1: 3.0}, {}]
    product = np.where(Y[:, 0] == 1, 2.0, 1.0) * np.where(Y[:, 1] == 1, 3.0, 0.5)
    assert np.array_equal(
        full(X, Y, model=net("sigmoid", 3), class_weight=named),
        full(X, Y, model=net("sigmoid", 3), sample_weight=product),
    )


@pytest.mark.parametrize("named", [{1: 2.0}, [{1: 2.0}], 3, ["balanced"] * 3])
def test_named_weights_must_be_one_mapping_for_each_label(named):
    X, Y = labels()
    with pytest.raises(ValueError, match="class_weight must be 'balanced' or a list of 3 mappings, one for"):
        net("sigmoid", 3).fit(X, Y, class_weight=named)


def test_partial_fit_takes_weights_of_classes_that_do_not_occur():
    X, y = examples()
    named, rows = {0: 0.5, 1: 3.0}, y == 1
    a, b = net(), net()
    a.partial_fit(X[rows], y[rows], class_weight=named)
    b.partial_fit(X[rows], y[rows], sample_weight=np.full(rows.sum(), 3.0))
    assert np.array_equal(a.flat_parameters, b.flat_parameters)


def test_partial_fit_cannot_balance_what_it_does_not_see():
    with pytest.raises(ValueError, match="partial_fit: class_weight must be a mapping, got 'balanced'"):
        net().partial_fit(*examples(), class_weight="balanced")
    with pytest.raises(ValueError, match="partial_fit: class_weight must be 'balanced' or a list of 3 mapp"):
        net("sigmoid", 3).partial_fit(*labels(), class_weight=["balanced"] * 3)


@pytest.mark.parametrize(("output", "n"), [("sigmoid", 1), ("softmax", 2)])
def test_class_weights_multiply_the_sample_weights(output, n):
    X, y = examples()
    own = np.linspace(0.5, 2.0, 30)
    product = own * np.where(y == 1, 3.0, 1.0)
    assert np.array_equal(
        full(X, y, model=net(output, n), sample_weight=own, class_weight={1: 3.0}),
        full(X, y, model=net(output, n), sample_weight=product),
    )


# Orders and continuing.


def test_one_seed_gives_one_result_and_the_order_matters():
    X, y = examples()
    assert np.array_equal(trained(X, y), trained(X, y))
    assert not np.array_equal(trained(X, y), trained(X, y, shuffle=False))


def test_a_batch_as_large_as_the_data_is_the_full_batch():
    X, y = examples()
    assert np.array_equal(trained(X, y, batch_size=1000), trained(X, y, batch_size=None))


@pytest.mark.parametrize("optimizer", [dc.SGD(0.1, momentum=0.9), dc.Adam(0.01), dc.NAdam(0.01)])
def test_two_runs_with_one_state_are_one_long_run(optimizer):
    X, y = examples()
    long, short = net(), net()
    expected = long.fit(X, y, optimizer, epochs=5, batch_size=8)
    state = optimizer.bind(short)
    losses = [
        *short.fit(X, y, state, epochs=2, batch_size=8)["loss"],
        *short.fit(X, y, state, epochs=3, batch_size=8)["loss"],
    ]
    assert losses == expected["loss"]
    assert np.array_equal(short.flat_parameters, long.flat_parameters)


def test_epochs_trained_counts_over_all_runs():
    X, y = examples()
    model = net()
    model.fit(X, y, epochs=2, batch_size=8)
    model.fit(X, y, epochs=3, batch_size=8, callbacks=[lambda record: True])
    assert model.epochs_trained == 3


def test_equal_units_set_by_hand_are_warned_about():
    X, y = examples()
    model = net()
    for view in model.parameters.values():
        view[...] = 0.5
    with pytest.warns(dc.SymmetryWarning, match="hidden layer 1 are equal") as caught:
        model.fit(X, y, epochs=3)
    assert caught[0].filename == __file__
    W1 = model.parameters["W1"]
    assert not np.ptp(W1, axis=0).any()


def test_equal_units_that_the_next_layer_tells_apart_are_fine():
    X, y = examples()
    model = net()
    model.parameters["W1"][...] = 0.5  # W2 stays random: their gradients differ
    model.fit(X, y, epochs=3)
    assert np.ptp(model.parameters["W1"], axis=0).any()


# Dead units.


def dying(activation="relu"):
    model = dc.mlp([2, 5, 1], activation=activation, output="linear", seed=1)
    model.parameters["b1"][:] = -99
    return model


def dead_problem():
    return np.random.default_rng(0).random((80, 2)), np.arange(80.0)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_a_layer_of_dead_units_is_warned_of(activation):
    with pytest.warns(dc.DeadUnitsWarning, match="fit: every unit of layer 1 is dead") as caught:
        dying(activation).fit(*dead_problem(), epochs=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_single_dead_unit_is_warned_of():
    model = dc.Model(1, [dc.Dense(1, "relu")], loss="squared_error", seed=1)
    model.parameters["W1"][:] = -1
    with pytest.warns(dc.DeadUnitsWarning, match="layer 1"):
        model.fit([[1.0], [2.0]], [1.0, 2.0], epochs=1)


def test_living_units_and_other_activations_are_not_warned_of(recwarn):
    X, y = dead_problem()
    dc.mlp([2, 5, 1], output="linear", seed=1).fit(X, y, epochs=2)
    dying("leaky_relu").fit(X, y, epochs=2)
    model = dying()
    model.parameters["b1"][0] = 99
    model.fit(X, y, epochs=2)
    dc.mlp([2, 5, 1], output="linear", seed=1).fit(X[:1], y[:1], epochs=2)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("shape", "inputs", "cure"),
    [
        ((5,), 1, r"got \(5,\); use X.reshape\(-1, 1\) for one feature"),
        ((3,), 3, r"use X.reshape\(1, -1\) for one example"),
        ((6,), 3, r"an example has 3 numbers; use X.reshape\(-1, 3\) if it holds several"),
        ((1, 5), 1, r"is it transposed\? use X.T"),
    ],
)
def test_the_hint_for_a_vector_helps(shape, inputs, cure):
    with pytest.raises(ValueError, match=cure):
        dc.mlp([inputs, 1]).fit(np.ones(shape), np.ones(5))
    if shape != (3,):
        with pytest.raises(ValueError, match=cure):
            dc.mlp([inputs, 1]).predict(np.ones(shape))
