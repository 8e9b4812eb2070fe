"""``fit`` of a stream: weights of classes, validation rows of a stream, and what the stream has itself."""

import numpy as np
import pytest

import deepcore as dc
from resuming import check_same, stopped_after_every_batch
from streaming import BATCH, SMALL, save_pair

OPTIONS = {"optimizer": dc.Adam(0.01), "epochs": 3}
IN_ORDER = {"batch_size": BATCH, "shuffle": False}


def problem(m=300, classes=3, seed=0):
    """Classes of very different sizes, in float32."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 4)).astype(np.float32)
    y = np.minimum(np.floor(np.abs(X[:, 0] + 0.3 * X[:, 1]) * classes / 2), classes - 1).astype(int)
    return X, y


def network(outputs=3, output="auto", **options):
    return dc.mlp([4, 8, outputs], output=output, seed=1, **options)


def in_order(*arrays, **options):
    return dc.stream(arrays, BATCH, shuffle=False, buffer_bytes=SMALL, **options)


# The weights of classes.


WEIGHTS = {
    "a mapping": {0: 0.5, 2: 3.0},
    "balanced": "balanced",
}


@pytest.mark.parametrize("class_weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_weights_give_the_bits_of_the_arrays_in_memory(class_weight, weighted, dtype):
    X, y = problem()
    weight = np.random.default_rng(1).uniform(size=len(y)) if weighted else None
    one, two = network(dtype=dtype), network(dtype=dtype)
    one.fit(X, y, class_weight=class_weight, sample_weight=weight, **IN_ORDER, **OPTIONS)
    arrays = (X, y) if weight is None else (X, y, weight)
    two.fit(in_order(*arrays), class_weight=class_weight, **OPTIONS)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


@pytest.mark.parametrize("class_weight", [{1: 4.0}, "balanced"])
def test_class_weights_of_one_logistic_output_give_the_bits_of_the_arrays(class_weight):
    X, y = problem(classes=2)
    one, two = network(1), network(1)
    one.fit(X, y == 1, class_weight=class_weight, **IN_ORDER, **OPTIONS)
    two.fit(in_order(X, y == 1), class_weight=class_weight, **OPTIONS)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


@pytest.mark.parametrize("class_weight", [[{1: 4.0}, {0: 0.5}], "balanced"])
def test_class_weights_of_several_logistic_outputs_give_the_bits_of_the_arrays(class_weight):
    X, y = problem()
    several = np.stack([y == 0, y == 2], axis=1)
    one, two = network(2, "sigmoid"), network(2, "sigmoid")
    one.fit(X, several, class_weight=class_weight, **IN_ORDER, **OPTIONS)
    two.fit(in_order(X, several), class_weight=class_weight, **OPTIONS)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_balanced_weights_count_the_labels_of_chunks_too():
    X, y = problem()
    one, two = network(), network()
    one.fit(X, y, class_weight="balanced", **IN_ORDER, **OPTIONS)
    chunks = dc.stream(lambda: [(X[:100], y[:100]), (X[100:], y[100:])], BATCH, shuffle=False)
    two.fit(chunks, class_weight="balanced", **OPTIONS)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ("even", ValueError, "class_weight must be a mapping or 'balanced', got 'even'"),
        ({5: 1.0}, ValueError, "class_weight must name labels from 0 to 2, got 5"),
        ({1: -1.0}, ValueError, "class_weight must be finite and not negative"),
        (3, TypeError, "class_weight must be a mapping or 'balanced', got 3"),
    ],
)
def test_wrong_class_weights_are_refused_before_the_first_step(class_weight, error, message):
    model = network()
    with pytest.raises(error, match=f"^fit: {message}"):
        model.fit(in_order(*problem()), class_weight=class_weight)
    assert np.array_equal(model.flat_parameters, network().flat_parameters)


@pytest.mark.parametrize("class_weight", ["balanced", {1: 2.0}])
def test_class_weights_need_classes(class_weight):
    X, _ = problem()
    with pytest.raises(ValueError, match="class_weight needs class labels, got real targets"):
        network(1, "linear").fit(in_order(X, X[:, 0]), class_weight=class_weight)


def test_weights_that_become_too_large_are_refused():
    X, y = problem()
    with pytest.raises(ValueError, match="sample_weight times class_weight must be at most 3e"):
        network().fit(in_order(X, y, np.full(len(y), 1e25)), class_weight={1: 1e20})


def test_a_training_with_other_class_weights_does_not_go_on(tmp_path):
    def call(class_weight):
        network().fit(
            in_order(*problem()), class_weight=class_weight, callbacks=[dc.Checkpoint(tmp_path / "run")]
        )

    call({1: 2.0})
    with pytest.raises(ValueError, match="class weights"):
        call({1: 3.0})


# Validation rows.


def early_stopping():
    return dc.EarlyStopping("val_loss", patience=2)


def test_validation_rows_of_a_stream_give_the_numbers_of_the_arrays():
    held_out = problem(200, seed=5)
    histories, models, stoppers = [], [], []
    for validation in (held_out, dc.stream(held_out, BATCH)):
        model, stopping = network(), early_stopping()
        options = {"metrics": ["f1"], "callbacks": [stopping], "epochs": 60}
        histories.append(
            model.fit(in_order(*problem()), optimizer=dc.Adam(0.05), validation_data=validation, **options)
        )
        models.append(model)
        stoppers.append(stopping.best_epoch)
    assert histories[0] == histories[1]
    assert set(histories[0]) == {"loss", "val_loss", "val_accuracy", "val_f1"}
    assert stoppers[0] == stoppers[1]
    assert histories[1].epochs < 60
    assert np.array_equal(models[0].flat_parameters, models[1].flat_parameters)
    assert models[1].evaluate(*held_out)["loss"] == min(histories[1]["val_loss"])  # the best epoch


def test_validation_rows_that_need_several_buffers_give_almost_the_same_numbers(tmp_path):
    X, y = problem(400, seed=5)
    weight = np.random.default_rng(0).uniform(size=len(y))
    numbers = []
    for validation in (
        (X, y, weight),
        in_order(X, y, weight),
        dc.stream((X, y, weight), BATCH, buffer_bytes=SMALL),
    ):
        history = network().fit(*problem(), validation_data=validation, metrics=["f1"], **OPTIONS)
        numbers.append(history)
    assert numbers[1] == numbers[2]  # the order does not matter
    for name in numbers[0]:
        np.testing.assert_allclose(numbers[1][name], numbers[0][name], rtol=1e-7)


def test_arrays_and_batches_take_validation_rows_of_files(tmp_path):
    held_out = problem(200, seed=5)
    files = dc.stream(save_pair(tmp_path, *held_out), BATCH)
    expected = network().fit(*problem(), validation_data=held_out, **OPTIONS)
    assert network().fit(*problem(), validation_data=files, **OPTIONS) == expected
    one, two = (
        network().fit_batches([problem()], epochs=2, validation_data=data) for data in (held_out, files)
    )
    assert one == two


def test_wrong_validation_rows_of_a_stream_name_the_argument():
    X, y = problem()
    with pytest.raises(ValueError, match=r"^fit: validation_data: the stream must have 4 columns, because"):
        network().fit(in_order(X, y), validation_data=in_order(X[:, :2], y))
    with pytest.raises(
        ValueError, match=r"^fit: validation_data: the arrays: y must hold labels from 0 to 2"
    ):
        network().fit(in_order(X, y), validation_data=in_order(X, y + 1))
    with pytest.raises(
        ValueError, match=r"^fit: validation_data: the stream must hold a row with weight, got none"
    ):
        network().fit(in_order(X, y), validation_data=in_order(X, y, np.zeros(len(y))))


def test_a_training_with_streams_and_class_weights_goes_on_after_every_batch(tmp_path):
    X, y = problem(60)

    def call(callbacks):
        model = network(dropout=0.1)
        state = dc.Adam(0.01).bind(model)
        return model, state, model.fit(
            dc.stream((X, y), BATCH, buffer_bytes=SMALL), optimizer=state, epochs=2, callbacks=callbacks,
            validation_data=in_order(*problem(40, seed=5)), class_weight="balanced",
        )  # fmt: skip

    check_same(call([]), stopped_after_every_batch(tmp_path / "run.safetensors", call))


def test_a_training_with_other_validation_rows_does_not_go_on(tmp_path):
    def call(seed):
        network().fit(
            in_order(*problem()),
            validation_data=in_order(*problem(seed=seed)),
            callbacks=[dc.Checkpoint(tmp_path / "run")],
        )

    call(1)
    with pytest.raises(ValueError, match="validation data"):
        call(2)


def test_evaluate_reads_a_stream_in_its_order():
    X, y = problem()
    model = network()
    expected = model.evaluate(X, y, metrics=["f1"])
    assert model.evaluate(dc.stream((X, y), BATCH), metrics=["f1"]) == expected
    weight = np.random.default_rng(0).uniform(size=len(y))
    weighted = model.evaluate(in_order(X, y, weight), metrics=["f1"])
    assert weighted == pytest.approx(model.evaluate(X, y, sample_weight=weight, metrics=["f1"]), rel=1e-7)
    with pytest.raises(ValueError, match="evaluate: y must be left out with a stream, which has the targets"):
        model.evaluate(in_order(X, y), y)
    with pytest.raises(ValueError, match="evaluate: sample_weight must be left out with a stream"):
        model.evaluate(in_order(X, y), sample_weight=weight)
    with pytest.raises(TypeError, match="evaluate: y must be given"):
        model.evaluate(X)


def test_metrics_without_validation_rows_are_refused_where_the_training_rows_are_not_kept():
    rule = "metrics need validation_data=, because training examples"
    with pytest.raises(ValueError, match=f"^fit: {rule}"):
        network().fit(in_order(*problem()), metrics=["f1"])
    with pytest.raises(ValueError, match=f"^fit_batches: {rule}"):
        network().fit_batches([problem()], metrics=["f1"])


@pytest.mark.parametrize("call", ["partial_fit", "predict", "gradients"])
def test_calls_that_take_no_stream_say_which_ones_do(call):
    arguments = () if call == "predict" else (problem()[1],)
    with pytest.raises(TypeError, match=f"^{call}: X must be .* only be given to fit, fit_batches, evaluate"):
        getattr(network(), call)(in_order(*problem()), *arguments)


# What the stream has itself.


@pytest.mark.parametrize(
    ("own", "options", "message"),
    [
        ({}, {"batch_size": 128}, "batch_size belongs to the stream, which has batch_size=16, got 128"),
        ({}, {"batch_size": None}, "batch_size belongs to the stream, which has batch_size=16, got None"),
        ({}, {"shuffle": False}, "shuffle belongs to the stream, which has shuffle='blocks', got False"),
        (
            {"shuffle": False},
            {"shuffle": True},
            "shuffle belongs to the stream, which has shuffle=False, got True",
        ),
    ],
)
def test_another_batch_size_or_order_than_that_of_the_stream_is_refused(own, options, message):
    model = network()
    with pytest.raises(ValueError, match=f"^fit: {message}; leave it out, and give it to dc.stream"):
        model.fit(dc.stream(problem(), BATCH, **own), **options)
    assert model.epochs_trained == 0


@pytest.mark.parametrize(
    ("own", "options"),
    [({}, {"batch_size": BATCH}), ({}, {"shuffle": True}), ({"shuffle": False}, {"shuffle": False})],
)
def test_the_batch_size_and_the_order_of_the_stream_may_be_repeated(own, options):
    one, two = network(), network()
    one.fit(dc.stream(problem(), BATCH, **own), epochs=1)
    two.fit(dc.stream(problem(), BATCH, **own), epochs=1, **options)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_the_default_batch_size_of_arrays_is_128():
    X, y = problem()
    one, two = network(), network()
    one.fit(X, y, epochs=2)
    two.fit(X, y, epochs=2, batch_size=128, shuffle=True)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)
