"""The C header of a network with members gives the mean of its members, as the model does."""

import numpy as np
import pytest

import deepcore as dc
from member_networks import random_members, table_of_members
from unit.test_c_header import COMPILERS, CPP, C, compiled, predicted

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")


def agree(models, folder, rows, bound):
    """Each header has the numbers of its model, relative to the largest output."""
    for prefix, model in models.items():
        model.to_c_header(folder / f"{prefix}.h", prefix=prefix)
    library = compiled(folder, next(iter(rows.values())).dtype, *models)
    for prefix, model in models.items():
        assert getattr(library, f"{prefix}_test")() == 0, model
        expected = model.predict(rows[prefix])
        found = predicted(library, rows[prefix], model.outputs, prefix)
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 60), marks=pytest.mark.slow)])
def test_random_networks_with_members_give_the_numbers_of_the_model(seeds, tmp_path, dtype):
    models, rows = {}, {}
    for seed in seeds:
        models[f"n{seed}"], rows[f"n{seed}"] = random_members(seed, dtype)
    agree(models, tmp_path, rows, 100 * np.finfo(dtype).eps)


def test_the_weights_are_stored_once_and_only_factors_and_last_layers_for_each_member(tmp_path):
    sizes = [40, 64, 64, 8]
    one, many = (
        dc.mlp(sizes, members=members, seed=1).to_c_header(tmp_path / f"{members}.h").constant_bytes
        for members in (1, 16)
    )
    own = 40 + 64 * 8 + 8  # the factors, and W and b of the last layer
    assert many - one == 4 * (16 * own - 64 * 8 - 8)


@pytest.mark.parametrize("language", [C, CPP], ids=["c99", "c++11"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_int8_weights_of_members_compile_without_warnings_and_are_compared(compiler, language, tmp_path, rng):
    if compiler not in COMPILERS:
        pytest.skip(f"{compiler} is not installed")
    model = dc.mlp([5, 33, 3], output="softmax", members=4, seed=2)
    X = rng.normal(size=(60, 5)).astype(np.float32)
    y = model.predict_labels(X)
    made = model.to_c_header(tmp_path / "net.h", int8=True, data=(X, y))
    library = compiled(tmp_path, X.dtype, compiler=compiler, language=language)
    assert library.net_test() == 0
    right = np.mean(predicted(library, X, 3).argmax(axis=1) == y)
    assert made.scores["header"]["accuracy"] == pytest.approx(right, abs=1e-6)
    assert made.scores["model"]["accuracy"] == 1


def test_an_ensemble_of_networks_with_members_is_one_header(tmp_path, rng):
    models = [dc.mlp([3, n, 2], output="softmax", members=k, seed=n) for n, k in ((8, 3), (5, 1), (4, 2))]
    ensemble, X = dc.Ensemble(models), rng.normal(size=(9, 3)).astype(np.float32)
    ensemble.to_c_header(tmp_path / "net.h")
    library = compiled(tmp_path, X.dtype)
    assert library.net_test() == 0
    np.testing.assert_allclose(predicted(library, X, 2), ensemble.predict(X), atol=1e-6)


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "logits", "linear"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_a_table_model_with_members_passes_its_self_test(output, temperature, tmp_path):
    model, new = table_of_members(output, temperature)
    model.to_c_header(tmp_path / "net.h")
    library = compiled(tmp_path, np.dtype(np.float32))
    assert library.net_test() == 0
    known = {None: 0, "new": 0, "a": 1, "d": 4}  # as the column lists them
    X = np.column_stack([new["x"], [known[text] for text in new["t"]]]).astype(np.float32)
    expected = model.predict(new)[:, np.newaxis] if output == "linear" else model.predict_proba(new)
    np.testing.assert_allclose(predicted(library, X, expected.shape[1]), expected, atol=2e-6)


def test_probabilities_of_0_stay_0_at_any_temperature(tmp_path):
    model, _ = table_of_members("sigmoid", 5.0)
    model.members[0].network.parameters["b2"][...] = 300  # so that 1 - p is 0
    model.to_c_header(tmp_path / "net.h")
    found = predicted(compiled(tmp_path, np.dtype(np.float32)), np.array([[0, 1]], np.float32), 2)
    np.testing.assert_array_equal(model.predict_proba({"x": [0.0], "t": ["a"]}), [[0, 1]])
    np.testing.assert_allclose(found, [[0, 1]], rtol=0, atol=1e-30)
