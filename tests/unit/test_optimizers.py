"""Every optimizer row against its twin for 100 steps, and the contract of ``update``."""

import numpy as np
import pytest

from deepcore import _core
from reference import optimizers as twin

CASES = [(name, {}) for name in twin.DEFAULTS] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}),
    ("sgd", {"momentum": 0.9, "nesterov": 1.0}),
    ("sgd", {"momentum": 0.9, "nesterov": 1.0, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "rate_in_velocity": 1.0, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "rate_in_velocity": 1.0, "nesterov": 1.0}),
    ("rmsprop", {"momentum": 0.9, "alpha": 0.8, "eps": 1e-4}),
    ("adam", {"epsilon_hat": 1.0, "eps": 0.1}),
    ("adagrad", {"eps": 1e-3, "weight_decay": 0.1}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("adamw", {"weight_decay": 0.3}),
    ("nadam", {"momentum_decay": 0.02, "weight_decay": 0.1}),
    ("amsgrad", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("lion", {"beta1": 0.5, "beta2": 0.8, "weight_decay": 0.3}),
]
IDS = [name + "".join(f"-{key}={value:g}" for key, value in hyper.items()) for name, hyper in CASES]
N = 37  # a vector tail in both precisions
RATE = 0.01


def defaults(name):
    return dict(twin.DEFAULTS[name])


def new_slots(name, n, dtype):
    row = next(row for row in _core.optimizers() if row["name"] == name)
    return [np.zeros(n, dtype) for _ in row["slots"]]


def gradients(steps, n, dtype):
    """Gradients of sizes 1e-3 to 10 that mostly keep their sign, whatever the parameters do."""
    rng = np.random.default_rng(7)
    sizes = np.logspace(-3, 1, n)
    return [((rng.normal(size=n) + 0.5) * sizes).astype(dtype) for _ in range(steps)]


@pytest.mark.parametrize(("name", "hyper"), CASES, ids=IDS)
def test_a_hundred_steps_follow_the_twin(name, hyper, dtype, eps):
    p = np.linspace(-2, 2, N).astype(dtype)
    exact, state, slots = p.astype(np.float64), {}, new_slots(name, N, dtype)
    for t, g in enumerate(gradients(100, N, dtype), start=1):
        _core.update(name, defaults(name) | hyper, RATE, t, p, g, slots)
        exact = twin.step(name, exact, g.astype(np.float64), state, t, RATE, hyper)
        # Each step rounds p once and its own length a few times (ratios of running means: some 10 eps).
        travelled = np.abs(exact).max() + RATE * t * 10
        np.testing.assert_allclose(p, exact, rtol=0, atol=t * eps * travelled, err_msg=f"step {t}")


@pytest.mark.parametrize(("name", "hyper"), CASES, ids=IDS)
def test_an_element_has_the_same_bits_wherever_it_stands(name, hyper, dtype):
    """Any cut of the buffer gives the same update: vector lanes and tails go through the same operations."""
    whole, cut = np.linspace(-2, 2, N).astype(dtype), np.linspace(-2, 2, N).astype(dtype)
    whole_slots, cut_slots = new_slots(name, N, dtype), new_slots(name, N, dtype)
    for t, g in enumerate(gradients(3, N, dtype), start=1):
        _core.update(name, defaults(name) | hyper, RATE, t, whole, g, whole_slots)
        for part in (slice(0, 1), slice(1, 6), slice(6, 29), slice(29, N)):
            _core.update(
                name, defaults(name) | hyper, RATE, t, cut[part], g[part], [s[part] for s in cut_slots]
            )
    assert whole.tobytes() == cut.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(whole_slots, cut_slots, strict=True))


@pytest.mark.parametrize("name", list(twin.DEFAULTS))
def test_a_learning_rate_of_zero_keeps_the_parameters(name, dtype):
    p = np.linspace(-2, 2, N).astype(dtype)
    before, slots = p.copy(), new_slots(name, N, dtype)
    for t, g in enumerate(gradients(3, N, dtype), start=1):
        _core.update(name, defaults(name), 0.0, t, p, g, slots)
    assert p.tobytes() == before.tobytes()


@pytest.mark.parametrize("name", list(twin.DEFAULTS))
def test_a_gradient_of_zero_keeps_parameters_without_decay(name, dtype):
    p = np.linspace(-2, 2, N).astype(dtype)
    before = p.copy()
    hyper = defaults(name) | {"weight_decay": 0.0}
    _core.update(name, hyper, RATE, 1, p, np.zeros(N, dtype), new_slots(name, N, dtype))
    assert p.tobytes() == before.tobytes()


def test_the_gradient_is_not_written_to(dtype):
    g = np.ones(N, dtype)
    g.flags.writeable = False
    p = np.zeros(N, dtype)
    _core.update("sgd", defaults("sgd"), 0.5, 1, p, g, new_slots("sgd", N, dtype))
    assert (p == -0.5).all()


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        ("parameter", lambda p, g, s: (p[:, None], g, s)),
        ("parameter", lambda p, g, s: (p[::2], g[::2], [a[::2] for a in s])),
        ("gradient", lambda p, g, s: (p, g[:-1].copy(), s)),
        ("slots", lambda p, g, s: (p, g, s[:-1])),
        ("slots", lambda p, g, s: (p, g, [a[:-1].copy() for a in s])),
    ],
    ids=["2-D", "strided", "short gradient", "a slot is missing", "short slots"],
)
def test_update_names_the_array_of_the_wrong_shape(argument, change, dtype):
    p, g, s = change(np.zeros(8, dtype), np.zeros(8, dtype), new_slots("adam", 8, dtype))
    with pytest.raises(ValueError, match=argument):
        _core.update("adam", defaults("adam"), RATE, 1, p, g, s)


def test_update_refuses_read_only_parameters(dtype):
    p = np.zeros(8, dtype)
    p.flags.writeable = False
    with pytest.raises(ValueError, match="parameter"):
        _core.update("sgd", defaults("sgd"), RATE, 1, p, np.zeros(8, dtype), new_slots("sgd", 8, dtype))


def test_update_refuses_a_gradient_of_another_precision(dtype):
    other = np.float64 if dtype is np.float32 else np.float32
    with pytest.raises((TypeError, ValueError), match="gradient must"):
        _core.update(
            "sgd",
            defaults("sgd"),
            RATE,
            1,
            np.zeros(8, dtype),
            np.zeros(8, other),
            new_slots("sgd", 8, dtype),
        )


def test_update_refuses_step_zero(dtype):
    """Bias correction divides by 1 - beta^t."""
    with pytest.raises(ValueError, match="t must"):
        _core.update(
            "adam",
            defaults("adam"),
            RATE,
            0,
            np.zeros(8, dtype),
            np.zeros(8, dtype),
            new_slots("adam", 8, dtype),
        )


def test_an_unknown_hyperparameter_is_refused_by_name(dtype):
    with pytest.raises(ValueError, match="moment"):
        _core.update(
            "sgd",
            {"moment": 0.9},
            RATE,
            1,
            np.zeros(8, dtype),
            np.zeros(8, dtype),
            new_slots("sgd", 8, dtype),
        )


def test_an_unknown_optimizer_is_refused_with_the_list_of_known_ones(dtype):
    with pytest.raises(ValueError, match=r"nadam.*got 'adamm'"):
        _core.update("adamm", {}, RATE, 1, np.zeros(8, dtype), np.zeros(8, dtype), [])


def test_an_optimizer_counts_its_steps_and_follows_its_schedule(dtype, engine):
    network = engine.Network(2, [(3, "linear", 0.0)], "half_squared_error")
    schedule = _core.Schedule.table(np.array([0.5, 0.25]))
    optimizer = engine.Optimizer(network, "sgd", defaults("sgd"), schedule)
    network.parameters[:] = 0
    gradient = np.ones_like(network.parameters)
    sums = []
    for _ in range(3):
        optimizer.step(network, gradient)
        sums.append(-float(network.parameters[0]))
    assert (optimizer.steps, sums) == (3, [0.5, 0.75, 1.0])


@pytest.mark.parametrize("nesterov", [0.0, 1.0])
def test_with_the_rate_in_the_velocity_a_new_rate_touches_only_new_gradients(nesterov, dtype):
    hyper = defaults("sgd") | {"momentum": 0.5, "rate_in_velocity": 1.0, "nesterov": nesterov}
    p, slots = np.zeros(N, dtype), new_slots("sgd", N, dtype)
    _core.update("sgd", hyper, 0.5, 1, p, np.ones(N, dtype), slots)
    p[:] = 0
    _core.update("sgd", hyper, 0.25, 2, p, np.zeros(N, dtype), slots)
    assert (p == (-0.125 if nesterov else -0.25)).all()  # momentum times 0.5 * 1, once or twice


def test_a_new_learning_rate_counts_from_the_next_step(dtype, engine):
    network = engine.Network(2, [(3, "linear", 0.0)], "half_squared_error")
    optimizer = engine.Optimizer(network, "sgd", defaults("sgd"), _core.Schedule("constant", [0.5]))
    network.parameters[:] = 0
    optimizer.step(network, np.ones_like(network.parameters))
    optimizer.learning_rate = _core.Schedule("constant", [0.25])
    optimizer.step(network, np.ones_like(network.parameters))
    assert (network.parameters == -0.75).all()


@pytest.mark.parametrize("name", list(twin.DEFAULTS))
def test_a_step_of_the_optimizer_is_an_update_of_the_flat_buffer(name, dtype, engine, rng):
    network = engine.Network(3, [(4, "tanh", 0.0), (2, "linear", 0.0)], "half_squared_error")
    optimizer = engine.Optimizer(network, name, defaults(name), _core.Schedule("constant", [RATE]))
    network.parameters[:] = rng.normal(size=network.parameters.size)
    p, slots = network.parameters.copy(), new_slots(name, network.parameters.size, dtype)
    for t, g in enumerate(gradients(3, p.size, dtype), start=1):
        optimizer.step(network, g)
        _core.update(name, defaults(name), RATE, t, p, g, slots)
    assert network.parameters.tobytes() == p.tobytes()


@pytest.mark.parametrize("name", [name for name in twin.DEFAULTS if name != "sgd"])
def test_a_finite_gradient_whose_square_overflows_leaves_the_parameters_finite(name, dtype):
    p = np.linspace(-2, 2, N).astype(dtype)
    g = np.full(N, np.sqrt(np.finfo(dtype).max) * 4, dtype)
    for t in (1, 2, 3):
        _core.update(name, defaults(name), RATE, t, p, g, new_slots(name, N, dtype))
    assert np.isfinite(p).all()


def test_adagrad_without_epsilon_divides_by_the_correctly_rounded_root(dtype):
    g = np.random.default_rng(0).uniform(1, 2, 5000).astype(dtype)
    p, s = np.zeros_like(g), np.zeros_like(g)
    _core.update("adagrad", {"eps": 0.0}, 1.0, 1, p, g, [s])
    np.testing.assert_array_equal(-p, g / np.sqrt(g * g))


def test_lion_moves_by_the_rate_and_not_at_all_without_a_gradient(dtype):
    p, m = np.zeros(4, dtype), np.zeros(4, dtype)
    _core.update("lion", defaults("lion"), 0.5, 1, p, np.array([3, -1e-30, 0.0, -0.0], dtype), [m])
    assert p.tolist() == [-0.5, 0.5, 0.0, 0.0]


def test_lion_shows_a_gradient_that_is_not_a_number(dtype):
    p, m = np.zeros(2, dtype), np.zeros(2, dtype)
    _core.update("lion", defaults("lion"), 0.5, 1, p, np.array([np.nan, 1], dtype), [m])
    assert np.isnan(p[0])
    assert p[1] == -0.5


def test_amsgrad_remembers_the_largest_average_of_squares(dtype):
    p, slots = np.zeros(1, dtype), new_slots("amsgrad", 1, dtype)
    largest = 0.0
    for t, g in enumerate([1.0, 100.0, 0.0, 0.0, 1.0], start=1):
        _core.update("amsgrad", defaults("amsgrad") | {"beta2": 0.5}, RATE, t, p, np.array([g], dtype), slots)
        largest = max(largest, float(slots[1][0]))
        assert slots[2][0] == largest
    assert slots[1][0] < largest
