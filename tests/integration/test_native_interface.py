"""The C interface, called by ctypes: it gives the bits of Python, and codes for errors."""

import copy
import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from deepcore import capi
from deepcore.files import container

OK, INVALID, BUSY, NOT_FINITE, NO_FILE = 0, 1, 3, 4, 5
CODES = {np.float32: 32, np.float64: 64}


@pytest.fixture
def api():
    return capi.ctypes_table()


def ok(api, code):
    assert code == OK, api.last_error().decode()


def address(array):
    return array.ctypes.data if array is not None else None


def network_of(model):
    """The handle of a network, and the capsule that keeps it."""
    capsule = capi.network(model)
    return capi.pointer(capsule, "deepcore.capi.network"), capsule


def optimizer_of(state):
    capsule = capi.optimizer(state)
    return capi.pointer(capsule, "deepcore.capi.optimizer"), capsule


def strides(array):
    return [stride // array.itemsize for stride in array.strides]


def examples(X, labels=None, y=None, loss=None, weights=None):
    at, steps = address(X), strides(X)
    targets = strides(y) if y is not None else [0, 0]
    return capi.Examples(
        CODES[X.dtype.type], len(X), at, *steps, address(labels), address(y), *targets, loss, None,
        address(weights),
    )  # fmt: skip


class Predictor:
    """A native predictor of a model."""

    def __init__(self, api, model):
        self.api, self.handle = api, ctypes.c_void_p()
        network, capsule = network_of(model)
        ok(api, api.predictor_create(network, ctypes.byref(self.handle)))
        del capsule

    def __call__(self, X, A):
        call = self.api.predict_f32 if X.dtype == np.float32 else self.api.predict_f64
        return call(self.handle, len(X), address(X), *strides(X), address(A), *strides(A))

    def free(self):
        self.api.predictor_free(self.handle)


@pytest.fixture
def classes(rng):
    return rng.normal(size=(40, 6)), rng.integers(0, 3, 40)


def test_the_table_names_version_and_variant(api):
    assert api.version.decode() == dc.__version__
    assert api.variant.decode() == dc.installation.config()["variant"]


def test_a_table_of_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(capi, "ABI_VERSION", 2)
    with pytest.raises(ImportError, match=r"has ABI 1 with .* and this file has ABI 2"):
        capi.ctypes_table()


@pytest.mark.parametrize("order", ["C", "F", "every other", "reversed"])
def test_predictions_have_the_bits_of_python(api, dtype, rng, order):
    model = dc.mlp([6, 20, 3], dtype=dtype.__name__, seed=3)
    wide = rng.normal(size=(80, 12)).astype(dtype)
    X = {"C": wide[:40, :6].copy(), "F": np.asfortranarray(wide[:40, :6]), "every other": wide[::2, ::2],
         "reversed": wide[:40, :6][::-1]}[order]  # fmt: skip
    A = np.full((40, 6), np.nan, dtype)[:, ::2]
    predictor = Predictor(api, model)
    ok(api, predictor(X, A))
    predictor.free()
    np.testing.assert_array_equal(A, model.predictor()(np.ascontiguousarray(X)))


def test_a_predictor_keeps_the_parameters_of_its_birth(api, dtype):
    model = dc.mlp([2, 3, 1], dtype=dtype.__name__)
    X, A, again = np.ones((1, 2), dtype), np.empty((1, 1), dtype), np.empty((1, 1), dtype)
    predictor = Predictor(api, model)
    ok(api, predictor(X, A))
    model.parameters["b2"] += 1
    ok(api, predictor(X, again))
    predictor.free()
    assert A[0, 0] == again[0, 0]


def test_the_network_lives_as_long_as_a_handle(api):
    model = dc.mlp([2, 3, 1], seed=1)
    expected = model.flat_parameters.copy()
    network, capsule = network_of(model)
    another = ctypes.c_void_p()
    ok(api, api.network_share(network, ctypes.byref(another)))
    del model, capsule
    parameters = np.empty_like(expected)
    ok(api, api.network_read(another, 32, address(parameters), parameters.size))
    api.network_free(another)
    np.testing.assert_array_equal(parameters, expected)


def test_what_c_writes_is_seen_by_python(api, dtype):
    model = dc.mlp([2, 3, 1], dtype=dtype.__name__)
    network, _capsule = network_of(model)
    values = np.arange(model.flat_parameters.size, dtype=dtype)
    ok(api, api.network_write(network, CODES[dtype], address(values), values.size))
    np.testing.assert_array_equal(model.flat_parameters, values)
    info = capi.Info()
    ok(api, api.network_info(network, ctypes.byref(info)))
    assert (info.dtype, info.inputs, info.outputs, info.parameter_count) == (CODES[dtype], 2, 1, values.size)


def test_gradients_have_the_bits_of_python(api, dtype, classes):
    X, labels = classes[0].astype(dtype), classes[1]
    model = dc.Model(6, [dc.Dense(8, "tanh"), dc.Dropout(0.3), dc.Dense(3, "softmax")], dtype=dtype.__name__)
    loss, grads = model.gradients(X, labels, step=4)
    network, _capsule = network_of(model)
    gradient, cost = np.empty_like(model.flat_parameters), ctypes.c_double()
    step = capi.Step(model.seed, 4)
    given = examples(X, labels=labels)
    ok(api, api.gradient(network, given, step, 0, ctypes.byref(cost), address(gradient), gradient.size))
    assert cost.value == loss
    np.testing.assert_array_equal(gradient, grads.flat)


def test_training_has_the_bits_of_fit_and_continues_the_optimizer(api, dtype, classes):
    X, labels = classes[0].astype(dtype), classes[1]
    models = [dc.mlp([6, 8, 3], dtype=dtype.__name__, seed=5) for _ in range(2)]
    states = [dc.Adam(0.01, beta1=0.8).bind(model) for model in models]
    expected = [*models[0].fit(X, labels, states[0], epochs=3, batch_size=16)["loss"]]
    expected += [*models[0].fit(X, labels, states[0], epochs=2, batch_size=16)["loss"]]

    network, _capsule = network_of(models[1])
    optimizer, _other = optimizer_of(states[1])
    losses, done = np.empty(5), ctypes.c_int64()
    doubles = ctypes.POINTER(ctypes.c_double)
    given, training = examples(X, labels=labels), capi.Training(3, 16, 1, 0, 5)
    code = api.train(network, optimizer, given, training, losses.ctypes.data_as(doubles), ctypes.byref(done))
    ok(api, code)
    assert done.value == 3
    losses[3:] = models[1].fit(X, labels, states[1], epochs=2, batch_size=16)["loss"]
    np.testing.assert_array_equal(losses, expected)
    np.testing.assert_array_equal(models[1].flat_parameters, models[0].flat_parameters)
    assert models[1].epochs_trained == 5


def test_the_callback_of_an_epoch_ends_the_training(api, dtype, classes):
    X, labels = classes[0].astype(dtype), classes[1]
    model = dc.mlp([6, 8, 3], dtype=dtype.__name__)
    seen = []

    @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double)
    def on_epoch(_context, epoch, loss):
        seen.append((epoch, loss))
        return epoch == 1

    network, _capsule = network_of(model)
    optimizer, _other = optimizer_of(dc.SGD(0.1).bind(model))
    losses, done = np.zeros(9), ctypes.c_int64()
    training = capi.Training(9, 0, 1, 0, 0, ctypes.cast(on_epoch, ctypes.c_void_p))
    doubles = losses.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    ok(api, api.train(network, optimizer, examples(X, labels=labels), training, doubles, ctypes.byref(done)))
    assert done.value == 2
    assert seen == list(enumerate(losses[:2]))


SLOPE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


def half_squared_error(y, dtype):
    """The loss half_squared_error, written by a user."""
    number = ctypes.c_float if dtype == np.float32 else ctypes.c_double

    @SLOPE
    def loss(_context, example, a, da):
        n = y.shape[1]
        a = np.ctypeslib.as_array(ctypes.cast(a, ctypes.POINTER(number)), (n,))
        da = np.ctypeslib.as_array(ctypes.cast(da, ctypes.POINTER(number)), (n,))
        da[:] = a - y[example]
        return float(np.sum((a - y[example]).astype(float) ** 2) / 2)

    return loss


@pytest.mark.parametrize("sizes", [[4, 3, 2], [4, 30, 2]], ids=["narrow", "wide"])
@pytest.mark.parametrize("output", ["linear", "tanh", "softplus"])
def test_a_loss_of_ones_own_gives_the_gradient_of_the_same_loss_inside(api, dtype, eps, rng, sizes, output):
    X, y = rng.normal(size=(100, 4)).astype(dtype), rng.normal(size=(100, 2)).astype(dtype)
    weights = rng.uniform(0, 2, 100).astype(dtype)
    model = dc.mlp(sizes, output=output, loss="half_squared_error", dtype=dtype.__name__, l2=0.01)
    loss, grads = model.gradients(X, y, sample_weight=weights)
    own = half_squared_error(y, dtype)
    network, _capsule = network_of(model)
    gradient, cost = np.empty_like(model.flat_parameters), ctypes.c_double()
    given = examples(X, loss=ctypes.cast(own, ctypes.c_void_p), weights=weights)
    ok(api, api.gradient(network, given, None, 1, ctypes.byref(cost), address(gradient), gradient.size))
    # The same numbers in another order of operations: some roundings of the dtype.
    assert cost.value == pytest.approx(loss, rel=16 * eps)
    np.testing.assert_allclose(gradient, grads.flat, rtol=64 * eps, atol=64 * eps)


def test_training_with_a_loss_of_ones_own_is_fit_with_the_same_loss(api, dtype, eps, rng):
    X, y = rng.normal(size=(60, 4)).astype(dtype), rng.normal(size=(60, 2)).astype(dtype)
    pair = [dc.mlp([4, 5, 2], output="linear", loss="half_squared_error", dtype=dtype.__name__) for _ in "ab"]
    history = pair[0].fit(X, y, dc.SGD(0.1), epochs=3, batch_size=20)
    own = half_squared_error(y, dtype)
    network, _capsule = network_of(pair[1])
    optimizer, _other = optimizer_of(dc.SGD(0.1).bind(pair[1]))
    given = examples(X, loss=ctypes.cast(own, ctypes.c_void_p))
    losses = np.empty(3)
    doubles = losses.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    ok(api, api.train(network, optimizer, given, capi.Training(3, 20, 1, 1, 0), doubles, None))
    np.testing.assert_allclose(losses, history["loss"], rtol=32 * eps)
    np.testing.assert_allclose(pair[1].flat_parameters, pair[0].flat_parameters, rtol=64 * eps, atol=64 * eps)


def test_a_step_with_a_gradient_is_the_step_of_python(api, dtype):
    models = [dc.mlp([2, 3, 1], dtype=dtype.__name__) for _ in range(2)]
    states = [dc.AdamW(0.1).bind(model) for model in models]
    gradient = np.linspace(-1, 1, models[0].flat_parameters.size).astype(dtype)
    states[0].step(gradient)
    network, _capsule = network_of(models[1])
    optimizer, _other = optimizer_of(states[1])
    ok(api, api.optimizer_step(optimizer, network, address(gradient), gradient.size))
    np.testing.assert_array_equal(models[1].flat_parameters, models[0].flat_parameters)
    assert states[1].steps == 1


def test_a_training_resumes_with_the_state_that_was_read_from_an_optimizer(api, dtype, classes):
    X, labels = classes[0].astype(dtype), classes[1]
    whole, first = (dc.mlp([6, 8, 3], dtype=dtype.__name__, seed=5) for _ in range(2))
    state = dc.Adam(0.01).bind(whole)
    for _ in range(2):
        whole.fit(X, labels, state, epochs=1, batch_size=16)

    begun = dc.Adam(0.01).bind(first)
    first.fit(X, labels, begun, epochs=1, batch_size=16)
    old, _capsule = optimizer_of(begun)
    network, _other = network_of(first)
    new, steps, slots = ctypes.c_void_p(), ctypes.c_int64(), ctypes.c_int64()
    ok(api, api.optimizer_create(network, b"adam", 0.01, None, 0, ctypes.byref(new)))
    ok(api, api.optimizer_info(old, ctypes.byref(steps), ctypes.byref(slots)))
    assert (steps.value, slots.value) == (3, 2)
    values = np.empty_like(first.flat_parameters)
    for slot in range(2):
        ok(api, api.optimizer_read(old, slot, CODES[dtype], address(values), values.size))
        ok(api, api.optimizer_write(new, slot, CODES[dtype], address(values), values.size))
    ok(api, api.optimizer_set_steps(new, steps))
    ok(api, api.train(network, new, examples(X, labels=labels), capi.Training(1, 16, 1, 0, 5), None, None))
    np.testing.assert_array_equal(first.flat_parameters, whole.flat_parameters)
    refused(api, api.optimizer_read(new, 2, CODES[dtype], address(values), values.size), "from 0 to 1, got 2")
    refused(api, api.optimizer_write(new, 0, CODES[dtype], address(values), 1), "count must be", "got 1")
    refused(api, api.optimizer_set_steps(new, -1), "at least 0, got -1")
    api.optimizer_free(new)


def refused(api, code, *words):
    assert code == INVALID
    message = api.last_error().decode()
    assert all(word in message for word in words), message


def test_wrong_arguments_are_refused_with_a_message(api, classes):
    X, labels = classes[0].astype(np.float32), classes[1]
    model = dc.mlp([6, 8, 3])
    network, _capsule = network_of(model)
    optimizer, _other = optimizer_of(dc.SGD(0.1).bind(model))
    double, _double = optimizer_of(dc.SGD(0.1).bind(dc.mlp([6, 8, 3], dtype="float64")))
    flat = np.empty_like(model.flat_parameters)
    good = examples(X, labels=labels)
    predictor = Predictor(api, model)
    predict = api.predict_f64(predictor.handle, 1, address(X), 6, 1, address(X), 3, 1)
    refused(api, predict, "dtype")
    refused(api, api.predict_f32(None, 1, address(X), 6, 1, address(X), 3, 1), "predictor", "NULL")
    refused(api, api.predict_f32(predictor.handle, -1, address(X), 6, 1, address(X), 3, 1), "rows")
    refused(api, api.predict_f32(predictor.handle, 1, None, 6, 1, address(X), 3, 1), "pointers")
    predictor.free()
    size = flat.size
    refused(api, api.network_read(network, 64, address(flat), size), "dtype must be 32", "got 64")
    refused(api, api.network_read(network, 32, address(flat), 7), "count must be", "got 7")
    refused(api, api.network_write(network, 32, None, size), "NULL")
    refused(api, api.network_info(None, None), "NULL")
    refused(api, api.gradient(network, None, None, 0, None, address(flat), size), "examples", "NULL")
    refused(api, api.gradient(network, examples(X), None, 0, None, address(flat), size), "one of", "got 0")
    refused(api, api.gradient(network, good, None, -1, None, address(flat), size), "threads", "got -1")
    wrong = examples(X, labels=labels + 1)
    refused(
        api, api.gradient(network, wrong, None, 0, None, address(flat), size), "labels from 0 to 2", "got 3"
    )
    refused(api, api.train(network, double, good, capi.Training(1), None, None), "dtype")
    refused(api, api.train(network, optimizer, good, capi.Training(-1), None, None), "epochs", "got -1")
    refused(api, api.train(network, optimizer, good, None, None, None), "training", "NULL")
    made = ctypes.c_void_p()
    refused(api, api.optimizer_create(network, b"adamm", 0.1, None, 0, ctypes.byref(made)), "adam")
    refused(api, api.optimizer_step(optimizer, network, None, size), "NULL")
    for free in (api.network_free, api.predictor_free, api.optimizer_free):
        free(None)


def test_a_loss_that_is_not_finite_is_a_code_and_keeps_the_parameters(api):
    model = dc.mlp([1, 1], output="linear", loss="half_squared_error")
    before = copy.copy(model.flat_parameters)
    network, _capsule = network_of(model)
    optimizer, _other = optimizer_of(dc.SGD(0.1).bind(model))
    X = np.full((2, 1), np.nan, np.float32)
    assert api.train(network, optimizer, examples(X, y=X), capi.Training(1), None, None) == NOT_FINITE
    assert "learning rate" in api.last_error().decode()
    np.testing.assert_array_equal(model.flat_parameters, before)


def test_a_network_in_training_is_busy_for_writers_and_open_for_readers(api, dtype, classes):
    X, labels = classes[0].astype(dtype), classes[1]
    model = dc.mlp([6, 8, 3], dtype=dtype.__name__)
    network, _capsule = network_of(model)
    codes = {}

    def others(_record):
        def work():
            flat = np.zeros_like(model.flat_parameters)
            codes["read"] = api.network_read(network, CODES[dtype], address(flat), flat.size)
            codes["write"] = api.network_write(network, CODES[dtype], address(flat), flat.size)
            codes["message"] = api.last_error()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    model.fit(X, labels, dc.SGD(0.1), epochs=1, callbacks=[others])
    assert codes["read"] == OK
    assert codes["write"] == BUSY
    assert b"trained by another thread" in codes["message"]


def test_only_models_and_bound_optimizers_have_handles():
    with pytest.raises(TypeError, match="model must be a Model, got int"):
        capi.network(3)
    with pytest.raises(TypeError, match=r"bind\(model\), got Adam"):
        capi.optimizer(dc.Adam(0.1))


# Files


def saved_models():
    yield dc.mlp([3, 5, 2], seed=2**63 - 1)
    layers = [
        dc.Dense(6, "leaky_relu", l1=0.1, l2=0.2, max_norm=1.5, norm="batch", rate={"b": 0.1}),
        dc.Dropout(0.25),
        dc.Dense(5, "silu", norm="layer", parametric=True, scaled_inputs=True, parametrization="ntk"),
        dc.Dense(1, "linear"),
    ]
    yield dc.Model(4, layers, loss=dc.Huber(0.7), dtype="float64", seed=3)
    embeddings = [
        dc.PeriodicEmbedding(columns=2, units=3, frequencies=4),
        dc.CategoryEmbedding([3, 4], units=2),
    ]
    yield dc.Model(5, [*embeddings, dc.Dense(4), dc.Dense(3, "softmax")], seed=4)


def c_copy(api, source, target):
    """Load a file and save it by the C interface."""
    network = ctypes.c_void_p()
    ok(api, api.network_load(bytes(source), ctypes.byref(network)))
    info = capi.Info()
    ok(api, api.network_info(network, ctypes.byref(info)))
    ok(api, api.network_save(network, bytes(target)))
    api.network_free(network)
    return info


@pytest.mark.parametrize("number", range(3))
def test_c_reads_and_writes_the_model_files_of_python(api, tmp_path, number):
    model = list(saved_models())[number]
    model.epochs_trained = 7
    first, second = tmp_path / "a.deepcore", tmp_path / "b.deepcore"
    model.save(first)
    info = c_copy(api, first, second)
    assert (info.seed, info.epochs, info.parameter_count) == (model.seed, 7, model.flat_parameters.size)
    back = dc.load(second)
    assert back.spec == model.spec
    assert back.epochs_trained == 7
    np.testing.assert_array_equal(back.flat_parameters, model.flat_parameters)
    for name, array in model.running.items():
        np.testing.assert_array_equal(back.running[name], array)


def test_c_reads_the_files_that_are_kept_for_compatibility(api, tmp_path):
    folder = Path(__file__).resolve().parents[1] / "compat" / "format_2"
    files = [path for path in sorted(folder.iterdir()) if path.suffix not in {".json", ".md", ".py"}]
    models = 0
    for path in files:
        try:
            model = dc.load(path)
        except ModuleNotFoundError:  # a file of an estimator, which needs scikit-learn
            continue
        if isinstance(model, dc.Model):
            c_copy(api, path, tmp_path / "copy")
            np.testing.assert_array_equal(dc.load(tmp_path / "copy").flat_parameters, model.flat_parameters)
            models += 1
    assert models > 0


def test_a_damaged_byte_is_refused_by_c(api, tmp_path):
    path = tmp_path / "a.deepcore"
    dc.mlp([1, 1], seed=1).save(path)
    data, network = path.read_bytes(), ctypes.c_void_p()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert api.network_load(bytes(path), ctypes.byref(network)) == INVALID, place
    for length in range(0, len(data), 11):
        path.write_bytes(data[:length])
        assert api.network_load(bytes(path), ctypes.byref(network)) == INVALID, length
    path.write_bytes(data + b"\0")
    refused(api, api.network_load(bytes(path), ctypes.byref(network)), str(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda network, _: network["embeddings"][0].update(sizes=[2**24] * 2), "more parameters than"),
        (lambda network, _: network["layers"][0].update(units=2**52), "units must be at most 2147483647"),
        (lambda _, arrays: arrays.update(W1=arrays["W1"].astype(np.float64)), "W1 must be float32 of shape"),
    ],
)  # fmt: skip
def test_a_file_whose_description_and_arrays_do_not_fit_is_refused_by_c(api, tmp_path, change, words):
    path, network = tmp_path / "a.deepcore", ctypes.c_void_p()
    dc.Model(2, [dc.CategoryEmbedding([3, 4], units=2), dc.Dense(1, "linear")]).save(path)
    description, arrays = container.read(path)
    change(description["network"], arrays)
    container.write(path, description, arrays)
    refused(api, api.network_load(bytes(path), ctypes.byref(network)), words)


def test_c_makes_nothing_that_python_would_refuse(api):
    network, _capsule = network_of(dc.mlp([2, 3, 1]))
    made = ctypes.c_void_p()
    for hidden, seed, words in [(b"softmax", 0, "last layer"), (b"relu", 2**63, "seed must be at most")]:
        layers = (capi.Layer * 2)(capi.Layer(4, hidden, b"he"), capi.Layer(3, b"softmax", b"he"))
        described = capi.Description(32, 2, layers, 2, b"categorical_cross_entropy", seed)
        refused(api, api.network_create(ctypes.byref(described), ctypes.byref(made)), words)
    refused(api, api.optimizer_create(network, b"sgd", -0.1, None, 0, ctypes.byref(made)), "got -0.1")
    for rule, name in [(b"adam", b"beta1"), (b"rmsprop", b"alpha")]:
        one = capi.Constant(name, 1)
        refused(api, api.optimizer_create(network, rule, 0.1, one, 1, ctypes.byref(made)), "below 1, got 1")


def test_a_network_that_c_has_made_is_a_model_for_python(api, tmp_path):
    hidden = capi.Layer(4, b"relu", b"he", 0.2, 0, 0.01)
    layers = (capi.Layer * 2)(hidden, capi.Layer(3, b"softmax", b"xavier"))
    network, path = ctypes.c_void_p(), tmp_path / "made.deepcore"
    described = capi.Description(32, 2, layers, 2, b"categorical_cross_entropy", 9)
    ok(api, api.network_create(ctypes.byref(described), ctypes.byref(network)))
    ok(api, api.network_save(network, bytes(path)))
    api.network_free(network)
    expected = dc.Model(2, [dc.Dense(4, l2=0.01), dc.Dropout(0.2), dc.Dense(3, "softmax")], seed=9)
    assert dc.load(path).spec == expected.spec
    np.testing.assert_array_equal(dc.load(path).flat_parameters, expected.flat_parameters)


def test_files_that_cannot_be_used_are_codes(api, tmp_path):
    network = ctypes.c_void_p()
    for path, message in [(tmp_path / "none", b"No such file"), (tmp_path, b"not a regular file")]:
        assert api.network_load(bytes(path), ctypes.byref(network)) == NO_FILE
        assert message in api.last_error()
    python, _capsule = network_of(dc.mlp([1, 1]))
    refused(api, api.network_save(python, bytes(tmp_path / "a")), "Model.save")
    dc.mlp([1, 1]).save(tmp_path / "a")
    ok(api, api.network_load(bytes(tmp_path / "a"), ctypes.byref(network)))
    assert api.network_save(network, bytes(tmp_path / "folder" / "b")) == NO_FILE
    assert api.network_save(network, bytes(tmp_path)) == NO_FILE
    (tmp_path / "a").chmod(0o640)
    ok(api, api.network_save(network, bytes(tmp_path / "a")))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    api.network_free(network)
