"""``init="course"``: models start with the numbers that the course prints, and describe themselves by it."""

import numpy as np
import pytest

import deepcore as dc
from course.loop import draw
from deepcore import functional as F


@pytest.mark.parametrize(
    ("sizes", "seed", "scheme"),
    [([5, 1], 1, "zeros"), ([2, 4, 1], 3, "small"), ([9, 4, 3, 1], 1, "inverse_sqrt")],
)
def test_a_model_starts_with_the_weights_of_the_course(sizes, seed, scheme):
    model = dc.mlp(sizes, activation="tanh", init="course", dtype="float64", seed=seed)
    for name, expected in draw(sizes, seed, scheme).items():
        np.testing.assert_allclose(model.parameters[name], expected, rtol=1e-15, err_msg=name)


def test_functional_and_model_start_with_the_same_course_weights():
    model = dc.mlp([6, 4, 3, 1], init="course", dtype="float64", seed=7)
    for name, value in F.initialize_parameters([6, 4, 3, 1], init="course", seed=7).items():
        assert np.array_equal(model.parameters[name], value)


def test_the_published_first_weights_of_the_flower_appear():
    W1 = dc.mlp([2, 4, 1], activation="tanh", init="course", dtype="float64", seed=3).parameters["W1"]
    assert W1[0].round(8).tolist() == [0.01788628, 0.0043651]


def test_the_course_start_leaves_numpys_generator_alone():
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()
    dc.mlp([2, 4, 1], init="course", seed=3)
    assert np.random.rand() == expected


def test_the_ntk_parametrization_starts_as_the_same_function():
    plain, ntk = (
        dc.Model(
            4,
            [dc.Dense(n, "tanh", init="course", parametrization=kind) for n in (3, 2)],
            loss="half_squared_error",
            dtype="float64",
        )
        for kind in ("standard", "ntk")
    )
    X = np.eye(4)
    np.testing.assert_allclose(plain.predict(X), ntk.predict(X), rtol=1e-12)


def test_a_model_with_the_course_start_is_saved_and_loaded(tmp_path):
    model = dc.mlp([3, 4, 1], init="course", seed=2)
    model.save(tmp_path / "model.deepcore")
    loaded = dc.load(tmp_path / "model.deepcore")
    assert [layer.init for layer in loaded.layers] == ["course", "course"]


def test_the_course_start_of_some_layers_only_is_refused():
    with pytest.raises(ValueError, match="init='course' must stand in all layers or in none"):
        dc.Model(3, [dc.Dense(4, init="course"), dc.Dense(1, "sigmoid")])


def test_a_seed_that_the_legacy_generator_does_not_take_is_refused():
    with pytest.raises(ValueError, match="seed must be at most 4294967295 with init='course'"):
        dc.mlp([3, 4, 1], init="course", seed=2**32)
    with pytest.raises(ValueError, match="seed"):
        F.initialize_parameters([3, 4, 1], init="course", seed=2**32)


def test_training_from_the_course_start_gives_the_published_costs_of_the_flower():
    X, y = dc.data.flower(400, seed=1)
    model = dc.mlp([2, 4, 1], activation="tanh", init="course", dtype="float64", seed=3)
    losses = model.fit(X, y, dc.SGD(1.2), epochs=1001, batch_size=None)["loss"]
    np.testing.assert_allclose([losses[0], losses[1000]], [0.693162, 0.258625], atol=5e-7)
