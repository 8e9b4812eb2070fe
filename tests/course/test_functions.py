"""Every vector of the file through ``deepcore.course``: the function is found by its name and called."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from course import adapters_data, vectors
from deepcore import course

ALL = vectors.section("vectors")

# What the file calls the parts of the course. The loaders of data sets are not functions of a week.
MODULES = {
    "c1w2": course.week2,
    "c1w3": course.week3,
    "c1w4": course.week4,
    "c2w1": course.course2_week1,
    "c2w2": course.course2_week2,
    "seed": course.formulas,
}


def find(vector):
    """The function that a vector names."""
    name = vector["function"]
    if name in adapters_data.LOADERS:
        return adapters_data.LOADERS[name]
    return getattr(MODULES[vector["unit"]], name)


def named(result) -> dict:
    """The numbers of a result by name: fields of named tuples and keys of dictionaries, also nested ones."""
    found = {}
    fields = result._asdict() if hasattr(result, "_fields") else result
    for name, value in fields.items():
        found.setdefault(name, value)
        if isinstance(value, dict) or hasattr(value, "_fields"):
            for inner, number in named(value).items():
                found.setdefault(inner, number)
        if name == "caches":
            outputs = [*(cache.linear_cache.A for cache in value[1:]), fields["AL"]]
            found |= {"n_caches": len(value), "Z": [cache.Z for cache in value], "A": outputs}
    return found


def run(vector):
    """The result of the vector's function, in the form of the vector's ``expected``."""
    result = find(vector)(**vectors.decode(vector["args"]))
    expected = vectors.decode(vector["expected"])
    if not isinstance(expected, dict):
        return result
    if isinstance(result, dict) or hasattr(result, "_fields"):
        return named(result)
    (name,) = expected.keys() - {"below"}  # the function returns one value, which the file gives a name
    return {name: result}


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["id"])
def test_a_function_of_the_course_gives_the_number_of_the_course(vector):
    actual = run(vector)
    expected = vectors.decode(vector["expected"])
    assert not vectors.differences(actual, expected, vector.get("rtol", 1e-9), vector.get("atol", 1e-12))
    if isinstance(expected, dict) and "below" in expected:
        assert actual["value_here"] < expected["below"]
    if "published" in vector:
        printed = vectors.decode(vector["published"])
        rtol = vector.get("published_rtol", 0.0)
        assert not vectors.differences(
            actual, printed, rtol, vector["published_atol"], "published", shapes=False
        )


@pytest.mark.parametrize(
    "vector", [v for v in ALL if v.get("function") == "bias_gradient"], ids=lambda v: v["id"]
)
def test_the_bias_gradient_is_not_summed_over_units_as_the_lecture_notes_write_it(vector):
    slip = vector["expected"]["literal_reading_of_notes"]
    assert not np.isclose(run(vector)["db"], slip, rtol=1e-3).any()


def test_a_changed_digit_is_a_difference():
    assert vectors.differences(
        {"W1": np.ones((2, 2))}, {"W1": np.array([[1, 1], [1, 1 + 1e-6]])}, 1e-9, 1e-12
    )


def test_a_transposed_result_is_a_difference():
    assert vectors.differences(np.ones((1, 3)), np.ones((3, 1)), 1e-9, 1e-12)


def test_a_missing_result_is_a_difference():
    assert vectors.differences({"W1": 0.0}, {"W1": 0.0, "b1": 0.0}, 1e-9, 1e-12)


def test_the_file_holds_vectors():
    assert ALL


# The course's own tables of arguments; a notebook calls by position or by these names.
SIGNATURES = {
    "week2": {
        "sigmoid": "z",
        "initialize_with_zeros": "dim",
        "propagate": "w b X Y",
        "optimize": "w b X Y num_iterations learning_rate print_cost",
        "predict": "w b X",
        "model": "X_train Y_train X_test Y_test num_iterations learning_rate print_cost",
        "image2vector": "image",
        "normalizeRows": "x",
        "softmax": "x",
        "L1": "yhat y",
        "L2": "yhat y",
    },
    "week3": {
        "layer_sizes": "X Y",
        "initialize_parameters": "n_x n_h n_y",
        "forward_propagation": "X parameters",
        "compute_cost": "A2 Y",
        "backward_propagation": "parameters cache X Y",
        "update_parameters": "parameters grads learning_rate",
        "nn_model": "X Y n_h num_iterations print_cost",
        "predict": "parameters X",
    },
    "week4": {
        "initialize_parameters": "n_x n_h n_y",
        "initialize_parameters_deep": "layer_dims",
        "linear_forward": "A W b",
        "linear_activation_forward": "A_prev W b activation",
        "L_model_forward": "X parameters",
        "compute_cost": "AL Y",
        "linear_backward": "dZ cache",
        "linear_activation_backward": "dA cache activation",
        "L_model_backward": "AL Y caches",
        "update_parameters": "parameters grads learning_rate",
        "two_layer_model": "X Y layers_dims learning_rate num_iterations print_cost",
        "L_layer_model": "X Y layers_dims learning_rate num_iterations print_cost",
        "predict": "X y parameters",
        "sigmoid_backward": "dA cache",
        "relu_backward": "dA cache",
    },
    "course2_week1": {
        "initialize_parameters_he": "layers_dims",
        "compute_cost_with_regularization": "A3 Y parameters lambd",
        "backward_propagation_with_regularization": "X Y cache lambd",
        "forward_propagation_with_dropout": "X parameters keep_prob",
        "backward_propagation_with_dropout": "X Y cache keep_prob",
        "gradient_check": "x theta epsilon",
        "gradient_check_n": "parameters gradients X Y epsilon",
    },
    "course2_week2": {
        "update_parameters_with_gd": "parameters grads learning_rate",
        "random_mini_batches": "X Y mini_batch_size seed",
        "initialize_velocity": "parameters",
        "initialize_adam": "parameters",
        "update_parameters_with_momentum": "parameters grads v beta learning_rate",
        "update_parameters_with_adam": "parameters grads v s t learning_rate beta1 beta2 epsilon",
        "update_lr": "learning_rate0 epoch_num decay_rate",
        "schedule_lr_decay": "learning_rate0 epoch_num decay_rate time_interval",
    },
}


@pytest.mark.parametrize(
    ("week", "name"), [(week, name) for week, names in SIGNATURES.items() for name in names]
)
def test_a_function_takes_the_arguments_of_the_course_in_its_order(week, name):
    words = SIGNATURES[week][name].split()
    assert list(inspect.signature(getattr(getattr(course, week), name)).parameters)[: len(words)] == words


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.__name__)
def test_every_public_function_says_what_it_does(module):
    assert all(getattr(module, name).__doc__ for name in module.__all__)


def test_the_loop_of_week_2_runs_by_position():
    w, b = course.week2.initialize_with_zeros(2)
    X, Y = np.array([[1.0, 2.0, -1.0], [3.0, 0.5, -3.2]]), np.array([[1, 1, 0]])
    params, grads, costs = course.week2.optimize(w, b, X, Y, 101, 0.1, False)
    assert set(params) == {"w", "b"}
    assert set(grads) == {"dw", "db"}
    assert len(costs) == 2
    assert costs[1] < costs[0]
    assert course.week2.predict(params["w"], params["b"], X).tolist() == [[1.0, 1.0, 0.0]]


def test_the_loop_of_week_3_runs_by_position():
    week3 = course.week3
    X, Y = week3.load_planar_dataset()
    n_x, n_h, n_y = week3.layer_sizes(X, Y)
    parameters = week3.initialize_parameters(n_x, n_h, n_y)
    A2, cache = week3.forward_propagation(X, parameters)
    cost = week3.compute_cost(A2, Y, parameters)
    grads = week3.backward_propagation(parameters, cache, X, Y)
    assert week3.compute_cost(
        week3.forward_propagation(X, week3.update_parameters(parameters, grads))[0], Y
    ) < (cost)
    assert isinstance(cost, float)
    assert week3.predict(week3.nn_model(X, Y, 4, 10), X).dtype == bool


def test_the_loop_of_week_4_runs_with_the_caches_of_the_course(capsys):
    week4 = course.week4
    X, Y = np.random.RandomState(0).randn(3, 6), np.array([[0, 1, 1, 0, 1, 0]])
    parameters = week4.initialize_parameters_deep([3, 4, 1])
    AL, caches = week4.L_model_forward(X, parameters)
    (A_prev, W, b), Z = caches[0]
    assert (A_prev.shape, W.shape, b.shape, Z.shape) == ((3, 6), (4, 3), (4, 1), (4, 6))
    grads = week4.L_model_backward(AL, Y, caches)
    assert grads.keys() == {"dA0", "dW1", "db1", "dA1", "dW2", "db2"}
    dA_prev, dW, db = week4.linear_activation_backward(grads["dA1"], caches[0], "relu")
    assert (dA_prev == grads["dA0"]).all()
    assert (dW == grads["dW1"]).all()
    assert (db == grads["db1"]).all()
    A, activation_cache = week4.relu(Z)
    assert (week4.relu_backward(A, activation_cache) == A).all()


@pytest.mark.parametrize("pair", [True, False], ids=["as a pair (2022)", "parameters alone (2018)"])
def test_predict_of_week_4_takes_what_the_models_of_each_edition_return(pair, capsys):
    X, Y = np.random.RandomState(0).randn(3, 6), np.array([[0, 1, 1, 0, 1, 0]])
    trained = course.week4.L_layer_model(X, Y, [3, 4, 1], num_iterations=3)
    labels = course.week4.predict(X, Y, trained if pair else trained.parameters)
    assert labels.shape == (1, 6)
    assert capsys.readouterr().out.startswith("Accuracy: ")


def test_the_exercise_functions_leave_the_global_generator_alone():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    course.week3.initialize_parameters(2, 4, 1)
    course.course2_week2.random_mini_batches(np.ones((2, 5)), np.ones((1, 5)), 2)
    assert (np.random.get_state()[1] == before).all()


def test_the_one_dimensional_functions_of_gradient_checking_run():
    week = course.course2_week1
    assert week.forward_propagation(2, 4) == 8
    assert week.backward_propagation(2, 4) == 2
    assert week.gradient_check(2, 4) < 1e-7


def test_parameters_become_a_vector_and_come_back():
    week = course.course2_week1
    parameters = week.vector_to_dictionary(np.arange(47.0))
    theta, keys = week.dictionary_to_vector(parameters)
    assert theta.ravel().tolist() == list(range(47))
    assert keys[0] == "W1"
    assert keys[-1] == "b3"


def test_a_network_with_dropout_trains():
    X, Y = np.random.RandomState(0).randn(2, 30), np.random.RandomState(1).rand(1, 30) > 0.5
    parameters = course.course2_week1.model(X, Y, 0.1, 5, False, "inverse_sqrt", keep_prob=0.8)
    assert parameters["W1"].shape == (20, 2)
