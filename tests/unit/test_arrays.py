"""The native doors: any memory layout gives the same bits, and a refusal names the argument."""

import numpy as np
import pytest

from deepcore import _core
from reference import cases, optimizers


def spread(a, gap):
    """The same values with unused elements between them, in both directions."""
    wide = np.full((a.shape[0] * gap, a.shape[1] * 2), np.nan, a.dtype)
    wide[::gap, ::2] = a
    return wide[::gap, ::2]


def frozen(a):
    a.flags.writeable = False
    return a


def unaligned(a):
    """The same values one byte beside any alignment."""
    memory = np.zeros(a.nbytes + 1, np.uint8)
    view = memory[1:].view(a.dtype).reshape(a.shape)
    view[:] = a
    return view


def record(a):
    """The same values in records of 8 + itemsize + 1 bytes: strides that are no multiple of the element."""
    table = np.zeros(a.shape, np.dtype([("other", "V8"), ("value", a.dtype), ("flag", "V1")]))
    table["value"] = a
    return table["value"]


LAYOUTS = {
    "F": np.asfortranarray,
    "strided": lambda a: spread(a, 3),
    "negative strides": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "negative rows": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "read-only": lambda a: frozen(a.copy()),
    "unaligned": unaligned,
    "transposed view": lambda a: np.ascontiguousarray(a.T).T,
    "inside a record": record,
}


@pytest.fixture
def matrices(dtype, rng):
    """Named matrices that fit each other: 5 units above 7, 19 examples."""
    shapes = {"A_prev": (7, 19), "W": (5, 7), "b": (5, 1), "dZ": (5, 19), "Z": (5, 19), "dA": (5, 19)}
    named = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    return named | {name: rng.uniform(0.1, 0.9, size=(5, 19)).astype(dtype) for name in ("A", "Y")}


# What a function takes from `matrices`, and what else it is given.
FUNCTIONS = {
    "linear_forward": (("A_prev", "W", "b"), ()),
    "linear_backward": (("dZ", "A_prev", "W"), ()),
    "activation_forward": (("Z",), ("tanh", 0.0)),
    "activation_backward": (("dA", "Z"), ("tanh", 0.0)),
    "loss_values": (("A", "Y"), ("binary_cross_entropy",)),
    "loss_gradient": (("A", "Y"), ("binary_cross_entropy",)),
}
ARGUMENTS = [(function, name) for function, (names, _) in FUNCTIONS.items() for name in names]


def call(function, matrices, **changed):
    names, extra = FUNCTIONS[function]
    return getattr(_core, function)(*[changed.get(name, matrices[name]) for name in names], *extra)


def bits(result):
    arrays = result if isinstance(result, tuple) else (result,)
    return [np.ascontiguousarray(a).tobytes() for a in arrays]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_a_function_gives_the_same_bits_for_every_layout(function, name, layout, matrices):
    a = LAYOUTS[layout](matrices[name])
    assert (a == matrices[name]).all()
    assert bits(call(function, matrices, **{name: a})) == bits(call(function, matrices))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_to_none_of_its_arguments(function, matrices):
    before = {name: a.copy() for name, a in matrices.items()}
    call(function, matrices)
    assert all((a == before[name]).all() for name, a in matrices.items())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_result_owns_its_memory(function, matrices):
    result = call(function, matrices)
    for a in result if isinstance(result, tuple) else (result,):
        assert not any(np.shares_memory(a, argument) for argument in matrices.values())
        assert a.flags.writeable


def test_stretched_arrays_are_read_as_what_they_seem(dtype, matrices):
    ones = np.broadcast_to(dtype(1), (7, 19))
    got = call("linear_forward", matrices, A_prev=ones)
    assert bits(got) == bits(call("linear_forward", matrices, A_prev=ones.copy()))


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_a_vector_is_refused_by_name(function, name, matrices):
    with pytest.raises(ValueError, match=rf"{function}: {name} must have"):
        call(function, matrices, **{name: matrices[name][0]})


@pytest.mark.parametrize(
    ("function", "name"), [(f, name) for f, name in ARGUMENTS if (f, name) != ("activation_forward", "Z")]
)
def test_a_matrix_that_does_not_fit_the_others_is_refused(function, name, matrices):
    rows, columns = matrices[name].shape
    with pytest.raises(ValueError, match=rf"{function}: \w+ must have shape"):
        call(function, matrices, **{name: np.ones((rows + 1, columns + 1), matrices[name].dtype)})


def test_a_matrix_that_seems_transposed_is_refused_with_that_question(matrices):
    expected = r"b must have shape \(5, 1\).* got \(1, 5\); is it transposed\?"
    with pytest.raises(ValueError, match=expected):
        call("linear_forward", matrices, b=matrices["b"].T)


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
@pytest.mark.parametrize("other", [np.float16, np.int64, np.complex128, object, ">f4"])
def test_another_dtype_is_refused_by_name(function, name, other, matrices):
    # The first argument sets the dtype of the call, so the refusal may name another than the changed one.
    with pytest.raises(TypeError, match=rf"{function}: \w+ must be float"):
        call(function, matrices, **{name: matrices[name].astype(other)})


@pytest.mark.parametrize(
    ("function", "name"), [(f, name) for f, name in ARGUMENTS if len(FUNCTIONS[f][0]) > 1]
)
def test_two_precisions_in_one_call_are_refused(function, name, matrices, dtype):
    other = np.float64 if dtype is np.float32 else np.float32
    with pytest.raises(TypeError, match=rf"{function}: \w+ must be float"):
        call(function, matrices, **{name: matrices[name].astype(other)})


def test_a_gradient_of_no_examples_is_refused(matrices):
    with pytest.raises(ValueError, match="dZ must have at least one column"):
        call("linear_backward", matrices, dZ=matrices["dZ"][:, :0], A_prev=matrices["A_prev"][:, :0])


@pytest.mark.parametrize("parameter", [-0.1, np.nan, np.inf])
def test_a_parameter_that_is_no_number_from_zero_up_is_refused(parameter, matrices):
    with pytest.raises(ValueError, match="parameter of leaky_relu"):
        _core.activation_forward(matrices["Z"], "leaky_relu", parameter)


# The engine


@pytest.fixture
def case(engine):
    return cases.make(engine.Network, 7, [9, 4], "tanh", "sigmoid", m=19)


def engine_results(case, X, y, weights=None):
    network, gradient = case.network, case.new_gradient()
    cost = network.gradient(X, y, gradient, weights)
    trace = network.trace(X, y, weights)
    return [cost, network.evaluate(X, y, weights), gradient.tobytes(), *bits(tuple(trace.values()))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_engine_gives_the_same_bits_for_every_layout_of_X(layout, case):
    X = LAYOUTS[layout](case.X)
    assert bits(case.network.predict(X)) == bits(case.network.predict(case.X))
    assert engine_results(case, X, case.y) == engine_results(case, case.X, case.y)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_engine_gives_the_same_bits_for_every_layout_of_y(layout, case):
    assert engine_results(case, case.X, LAYOUTS[layout](case.y)) == engine_results(case, case.X, case.y)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_gives_the_same_bits_for_every_layout(layout, shuffle, engine):
    after = []
    for change in (np.ascontiguousarray, LAYOUTS[layout]):
        case = cases.make(engine.Network, 7, [9, 4], "tanh", "sigmoid", m=19)
        schedule = _core.Schedule("constant", [0.1])
        optimizer = engine.Optimizer(case.network, "sgd", optimizers.DEFAULTS["sgd"], schedule)
        losses, _ = case.network.train(change(case.X), change(case.y), optimizer, 4, 2, shuffle=shuffle)
        after.append((losses, case.network.parameters.tobytes()))
    assert after[0] == after[1]


@pytest.mark.parametrize(
    "change",
    [lambda a: np.repeat(a, 2)[::2], lambda a: a[::-1].copy()[::-1], frozen, unaligned],
    ids=["strided", "negative stride", "read-only", "unaligned"],
)
def test_labels_and_weights_may_lie_anywhere(change, engine, dtype, rng):
    case = cases.make(engine.Network, 7, [9, 4], "tanh", "softmax", m=19)
    weights = rng.uniform(0.5, 2, size=19).astype(dtype)
    expected = engine_results(case, case.X, case.y, weights)
    assert engine_results(case, case.X, change(case.y.copy()), change(weights.copy())) == expected


def test_predictions_can_be_written_into_strided_memory(case, dtype):
    out = np.full((19 * 2, 4 * 3), np.nan, dtype)[::2, ::3]
    case.network.predict(case.X, out)
    assert (out == case.network.predict(case.X)).all()


@pytest.mark.parametrize("layout", ["unaligned", "inside a record"])
def test_memory_that_cannot_be_written_in_whole_elements_is_refused_as_out(layout, case):
    out = LAYOUTS[layout](np.zeros((19, 4), case.X.dtype))
    with pytest.raises(ValueError, match="out must"):
        case.network.predict(case.X, out)


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        ("X", lambda X, y: (X[0], y)),
        ("X", lambda X, y: (X.T, y)),
        ("X", lambda X, y: (X[:, :-1], y)),
        ("y", lambda X, y: (X, y[:-1])),
        ("y", lambda X, y: (X, y[:, :-1])),
        ("y", lambda X, y: (X, y.T)),
        ("y", lambda X, y: (X, y[:, 0])),
    ],
    ids=["X is 1-D", "X transposed", "X narrow", "y short", "y narrow", "y transposed", "y is 1-D"],
)
@pytest.mark.parametrize("verb", ["evaluate", "trace"])
def test_the_engine_names_the_array_of_the_wrong_shape(verb, argument, change, case):
    with pytest.raises(ValueError, match=rf"{verb}: {argument} must have"):
        getattr(case.network, verb)(*change(case.X, case.y))


@pytest.mark.parametrize("other", [np.float16, np.int64, object])
def test_the_engine_refuses_another_dtype_of_X(other, case):
    with pytest.raises(TypeError, match="X must be float"):
        case.network.predict(case.X.astype(other))


@pytest.mark.parametrize("label", [-1, 4, 2**40])
def test_labels_outside_the_classes_are_refused(label, engine):
    case = cases.make(engine.Network, 7, [4], "tanh", "softmax", m=19)
    case.y[11] = label
    with pytest.raises(ValueError, match="y must hold labels from 0 to 3"):
        case.network.evaluate(case.X, case.y)


@pytest.mark.parametrize(
    "weights", [np.ones(18), np.ones((19, 1)), -np.ones(19), np.full(19, np.nan), np.zeros(19)]
)
def test_sample_weights_must_be_one_for_each_example_and_not_negative(weights, case, dtype):
    with pytest.raises(ValueError, match="sample_weight"):
        case.network.evaluate(case.X, case.y, weights.astype(dtype))


@pytest.mark.parametrize(
    "change",
    [lambda g: g[:-1], lambda g: g[:, None], frozen, lambda g: np.repeat(g, 2)[::2], unaligned],
    ids=["short", "2-D", "read-only", "strided", "unaligned"],
)
def test_a_gradient_that_cannot_be_written_in_place_is_refused(change, case):
    with pytest.raises(ValueError, match="gradient must be a contiguous, writable"):
        case.network.gradient(case.X, case.y, change(case.new_gradient()))


def test_parameters_are_live(case):
    before = case.network.predict(case.X)
    case.network.parameters[:] = 0
    assert (case.network.predict(case.X) == 0.5).all()
    assert not (before == 0.5).any()


def test_parameters_outlive_their_network(engine):
    flat = cases.make(engine.Network, 7, [9, 4], "tanh", "sigmoid").network.parameters
    flat += 1  # the array keeps the network's memory alive
    assert np.isfinite(flat).all()
