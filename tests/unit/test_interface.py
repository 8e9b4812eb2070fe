"""What users may write, and what a wrong call is answered with."""

import inspect

import numpy as np
import pytest

import deepcore as dc
from deepcore import catalog

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X.sum(axis=1) > 0).astype(int)


def small(**options):
    return dc.mlp([2, 3, 1], seed=1, **options)


# Arguments

OPTIMIZERS = [dc.SGD, dc.RMSProp, dc.Adagrad, dc.Adam, dc.AdamW, dc.NAdam, dc.AMSGrad, dc.Lion, dc.LBFGS]
BY_POSITION = {
    dc.Model: 2, dc.mlp: 1, dc.Dense: 2, dc.EarlyStopping: 1, dc.ReduceOnPlateau: 1, dc.MaxSeconds: 1,
    dc.Progress: 1, dc.Model.fit: 4, dc.Model.partial_fit: 4, dc.Model.fit_batches: 3, dc.Model.evaluate: 3,
    dc.Model.gradients: 3, dc.Model.trace: 3, dc.Model.predict: 2, dc.Model.predict_labels: 2,
    **dict.fromkeys(OPTIMIZERS, 1),
}  # fmt: skip


@pytest.mark.parametrize("function", BY_POSITION, ids=lambda function: function.__qualname__)
def test_few_arguments_may_be_given_by_position(function):
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) == BY_POSITION[function]


WRONG_CALLS = {
    "fit: learning_rate belongs to the optimizer: optimizer=dc.Adam(0.1)": lambda: small().fit(
        X, Y, learning_rate=0.1
    ),
    "fit_batches: learning_rate belongs to the optimizer": lambda: small().fit_batches(
        [(X, Y)], learning_rate=0.2
    ),
    "fit: weight_decay belongs to the optimizer: optimizer=dc.Adam(weight_decay=0.1)": lambda: small().fit(
        X, Y, weight_decay=0.1
    ),
    "fit: momentum belongs to the optimizer: optimizer=dc.SGD(momentum=0.9)": lambda: small().fit(
        X, Y, momentum=0.9
    ),
    "fit: seed belongs to the model: dc.mlp(..., seed=3)": lambda: small().fit(X, Y, random_state=3),
    "fit: n_epochs is called epochs here": lambda: small().fit(X, Y, n_epochs=3),
    "partial_fit: learning_rate belongs to the optimizer": lambda: small().partial_fit(X, Y, lr=1),
    "partial_fit: there is no argument epochs; there is X, batch_size": lambda: small().partial_fit(
        X, Y, epochs=3
    ),
    "Adam: lr is called learning_rate here": lambda: dc.Adam(lr=0.1),
    "Adam: beta_1 is called beta1 here": lambda: dc.Adam(0.1, beta_1=0.9),
    "Adam: betas is called beta1 and beta2 here": lambda: dc.Adam(0.1, betas=(0.9, 0.99)),
    "AdamW: epsilon is called eps here": lambda: dc.AdamW(0.1, epsilon=1e-7),
    "RMSProp: rho is called alpha here": lambda: dc.RMSProp(0.1, rho=0.9),
    "Adam: AMSGrad is an optimizer of its own": lambda: dc.Adam(amsgrad=True),
    "Adam: at most 1 argument (learning_rate) may be given by position, got 2": lambda: dc.Adam(0.1, 0.9),
    "Adam: learning_rate is given twice": lambda: dc.Adam(0.1, learning_rate=0.1),
    "Dense: units must be given": dc.Dense,
    "Dense: kernel_initializer is called init here": lambda: dc.Dense(3, kernel_initializer="he"),
    "Dense: there is no argument unts; did you mean units?": lambda: dc.Dense(unts=3),
    "Model: label_smoothing belongs to the loss: loss=dc.CrossEntropy(label_smoothing=0.1)": lambda: dc.Model(
        2, [dc.Dense(1, "sigmoid")], label_smoothing=0.1
    ),
    "Model: the parameter of a loss belongs to the loss: loss=dc.Huber(delta=1.0)": lambda: dc.Model(
        2, [dc.Dense(1, "linear")], loss_parameter=2
    ),
    "Model: inputs and layers must be given": dc.Model,
    "mlp: learning_rate belongs to the optimizer of fit": lambda: dc.mlp([2, 1], lr=1),
    "mlp: epochs belongs to the training: model.fit(X, y, epochs=3)": lambda: dc.mlp([2, 1], epochs=3),
    "mlp: sizes must be one list, such as [8, 16, 1]": lambda: dc.mlp(8, 16, 1),
    "mlp: sizes must be one list, such as [8, 16, 1], got 8": lambda: dc.mlp(8),
    "mlp: random_state is called seed here": lambda: dc.mlp([2, 1], random_state=1),
    "Cosine: decay_steps is called steps here": lambda: dc.Cosine(0.1, decay_steps=10),
    "StepDecay: every must be given": lambda: dc.StepDecay(0.1),
    "EarlyStopping: at most 1 argument (monitor) may be given by position, got 2": lambda: dc.EarlyStopping(
        "loss", 3
    ),
    "Huber: there is no argument": lambda: dc.Huber(quantil=0.5),
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_is_told_what_to_write(message):
    with pytest.raises(TypeError) as caught:
        WRONG_CALLS[message]()
    assert str(caught.value).startswith(message)
    assert "__init__" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_checked_function_keeps_its_signature_and_docstring():
    assert "epochs" in inspect.signature(dc.Model.fit).parameters
    assert dc.Model.fit.__doc__.startswith("Train by")


# Names

HINTS = {
    ("loss", "mse"): "mse is called squared_error here",
    ("loss", "MAE"): "mae is called absolute_error here",
    ("loss", "bce"): "bce is called binary_cross_entropy here",
    ("loss", "cross_entropy"): "called categorical_cross_entropy or binary_cross_entropy here",
    ("loss", "Huber"): "did you mean 'huber'?",
    ("activation", "swish"): "swish is called silu here",
    ("activation", "ReLU"): "did you mean 'relu'?",
    ("activation", "LeakyReLU"): "leakyrelu is called leaky_relu here",
    ("output", "logistic"): "logistic is called sigmoid here",
    ("output", "identity"): "identity is called linear here",
    ("init", "glorot_uniform"): "glorot_uniform is called xavier_uniform here",
}


@pytest.mark.parametrize(("argument", "name"), HINTS)
def test_another_library_s_name_gets_the_name_that_is_meant(argument, name):
    with pytest.raises(ValueError, match="must be one of") as caught:
        dc.mlp([2, 3, 1], **{argument: name})
    assert HINTS[argument, name] in str(caught.value)


def test_names_of_optimizers_and_metrics_get_hints_too():
    with pytest.raises(ValueError, match=r"got 'Adam'; did you mean 'adam'\?"):
        small().fit(X, Y, "Adam")
    with pytest.raises(ValueError, match="auc is called roc_auc here"):
        small().evaluate(X, Y, metrics=["AUC"])


def test_an_alias_is_no_name_of_its_own_table_and_points_to_one_that_exists():
    tables = [catalog.activations, catalog.losses, catalog.initializers, catalog.schedules]
    known = {name for table in tables for name in table} | set(dc.metrics.names)
    for alias, targets in catalog.ALIASES.items():
        assert alias == alias.lower()
        assert set(targets) <= known, alias


def test_parameters_that_do_not_exist_are_answered_with_those_that_do():
    model = small()
    for wrong in (lambda: model.parameters["W9"], lambda: model.parameters.__setitem__("W9", 1)):
        with pytest.raises(KeyError) as caught:
            wrong()
        assert str(caught.value) == "there is no 'W9'; there is W1, b1, W2, b2"
    assert "W9" not in model.parameters
    assert model.parameters.get("W9") is None


# Long and odd values


@pytest.mark.parametrize(
    "call",
    [
        lambda long: dc.Dense(3, long),
        lambda long: dc.Dense(3, norm=long),
        dc.Dense,
        dc.Adam,
        dc.Dropout,
        lambda long: dc.EarlyStopping(patience=long),
        lambda long: dc.EarlyStopping(mode=long),
        lambda long: dc.Progress(style=long),
        lambda long: dc.Cosine(0.1, long),
        lambda long: dc.Model(2, [long]),
        lambda long: dc.mlp([2, 1], dtype=long),
        lambda long: dc.mlp([2, 1], **{long: 1}),
        lambda long: small().parameters[long],
        lambda long: small().fit(X, Y)[long],
        lambda long: small().fit(X, Y, callbacks=[dc.EarlyStopping(long)]),
        lambda long: small().fit(X, Y, metrics=[long]),
        lambda long: small().fit(X, Y, class_weight=long),
    ],
)
def test_a_long_value_is_cut_in_a_message(call):
    with pytest.raises((TypeError, ValueError, KeyError)) as caught:
        call("x" * 50_000)
    assert len(str(caught.value)) < 600


def test_numbers_of_numpy_look_like_numbers_in_messages():
    with pytest.raises(ValueError, match=r"must be above 0 and below 1, got 1\.5"):
        dc.Quantile(np.float64(1.5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dc.EarlyStopping(patience=2.5), TypeError, "EarlyStopping: patience must be a whole number"),
        (lambda: dc.EarlyStopping(patience=0), ValueError, "EarlyStopping: patience must be at least 1"),
        (lambda: dc.EarlyStopping(3), TypeError, "EarlyStopping: monitor must be a name"),
        (lambda: dc.ReduceOnPlateau(cooldown=0.5), TypeError, "ReduceOnPlateau: cooldown must be a whole"),
        (lambda: dc.MaxSeconds("soon"), TypeError, "MaxSeconds: seconds must be a number, got 'soon'"),
        (lambda: dc.Exponential(1.0, factor=5)(10**9), ValueError, "Exponential: the rate must be finite"),
        (lambda: setattr(small(), "epochs_trained", -1), ValueError, "epochs must be at least 0"),
        (lambda: dc.mlp([2, 1], seed=-1), ValueError, "Model: seed must be at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_rate_that_grows_beyond_all_numbers_within_the_run_is_refused_before_it():
    model = small()
    with pytest.raises(ValueError, match=r"Exponential: the rate must be finite, got inf at step 1999"):
        model.fit(X, Y, dc.SGD(dc.Exponential(1.0, factor=5)), epochs=2000, batch_size=None)
    assert model.epochs_trained == 0


# What there is besides


def test_mlp_passes_dropout_norm_and_l2_to_its_layers():
    model = dc.mlp([4, 8, 6, 3], dropout=0.2, norm="batch", l2=0.01)
    assert [layer.dropout for layer in model.layers] == [0.2, 0.2, 0.0]
    assert [layer.norm for layer in model.layers] == ["batch", "batch", None]
    assert [layer.l2 for layer in model.layers] == [0.01] * 3
    with pytest.raises(ValueError, match="mlp: dropout must be at least 0 and below 1"):
        dc.mlp([4, 8, 3], dropout=1.0)


def test_the_optimizer_of_partial_fit_can_be_seen():
    model = small()
    assert model.optimizer is None
    model.partial_fit(X, Y, dc.Adam(0.1))
    assert (model.optimizer.optimizer, model.optimizer.steps) == (dc.Adam(0.1), 1)
    model.fit(X, Y, epochs=1)
    assert model.optimizer is None
    with pytest.raises(AttributeError, match="Model: optimizer is read-only"):
        model.optimizer = dc.Adam(0.1)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (dc.Adam(), "Adam(0.001)"),
        (dc.Adam(0.1, beta1=0.8, clip_norm=1.0), "Adam(0.1, clip_norm=1.0, beta1=0.8)"),
        (dc.SGD(momentum=0.9, nesterov=True), "SGD(0.001, momentum=0.9, nesterov=True)"),
        (dc.LBFGS(), "LBFGS()"),
        (dc.EarlyStopping(), "EarlyStopping('val_loss', patience=10)"),
        (dc.Huber(), "Huber(delta=1.0)"),
        (dc.mlp([2, 3, 1], dropout=0.5).layers[0], "Dense(3, 'relu', dropout=0.5)"),
    ],
)  # fmt: skip
def test_a_repr_shows_what_differs_from_the_defaults(thing, text):
    assert repr(thing) == text


def test_a_stopper_that_was_used_shows_its_best_epoch():
    stopper = dc.EarlyStopping("loss")
    small().fit(X, Y, epochs=2, callbacks=[stopper])
    assert "best=0." in repr(stopper)


def test_both_docstrings_say_how_the_squared_errors_differ():
    sklearn = pytest.importorskip("deepcore.sklearn")
    for text in (dc.Model.__doc__, sklearn.MLPRegressor.__doc__):
        assert "half" in text
        assert "squared_error" in text


# The promises of init="auto", of the time that is left, and of tiny weights

AUTO = {
    "relu": "he", "leaky_relu": "he", "elu": "he", "gelu": "he", "silu": "he", "softplus": "he",
    "relu6": "he", "mish": "he", "selu": "lecun", "linear": "xavier", "sigmoid": "xavier", "tanh": "xavier",
    "exp": "xavier", "hard_sigmoid": "xavier", "hard_tanh": "xavier", "softsign": "xavier",
    "softmax": "xavier",
}  # fmt: skip


@pytest.mark.parametrize("activation", catalog.activations)
def test_the_automatic_initialiser_of_every_activation(activation):
    assert dc.Dense(3, activation).initializer == AUTO[activation]


def test_weights_below_the_smallest_normal_number_count_as_0():
    for dtype in (np.float32, np.float64):
        model = small(dtype=dtype)
        tiny = np.finfo(dtype).tiny / 2
        weight = np.where(np.arange(40) < 20, 1.0, tiny)
        loss, grads = model.gradients(X, Y, sample_weight=weight)
        zero = model.gradients(X, Y, sample_weight=np.where(np.arange(40) < 20, 1.0, 0.0))
        assert (loss, grads.flat.tobytes()) == (zero[0], zero[1].flat.tobytes())
        with pytest.raises(ValueError, match="must leave an example with weight, got all zero"):
            model.gradients(X, Y, sample_weight=np.full(40, tiny))


# Wrong types, where the compiled functions would answer


@pytest.mark.parametrize(
    "call",
    [
        lambda state: setattr(state, "slots", 3),
        lambda state: setattr(state, "slots", {"v": "text"}),
        lambda state: setattr(state, "slots", {"v": None}),
        lambda state: setattr(state, "steps", "two"),
        lambda state: setattr(state, "rate_scale", None),
        lambda state: state.set_learning_rate("fast"),
        lambda state: state.set_learning_rate(-1),
        lambda state: state.step(None),
        lambda state: state.step({"dW1": None}),
        lambda state: small().predict(X, threads="two"),
        lambda state: small().predict(X, threads=2**40),
        lambda state: small().predict(X, out=[0.0]),
        lambda state: small().fit(X, Y, threads=[1]),
        lambda state: small().fit(X, Y, batch_size="all"),
        lambda state: small().fit(X, Y, validation_split="half"),
        lambda state: small().gradients(X, Y, step=2**70),
        lambda state: dc.mlp([2, 1], seed=2**70),
        lambda state: dc.mlp([2, 1], seed="1"),
        lambda state: dc.mlp([2, "3", 1]),
        lambda state: dc.mlp([2, None, 1]),
    ],
)
def test_a_wrong_type_is_answered_with_a_sentence(call):
    state = dc.SGD(0.1, momentum=0.9).bind(small())
    with pytest.raises((TypeError, ValueError, KeyError)) as caught:
        call(state)
    assert "incompatible function arguments" not in str(caught.value)
    assert "Invoked with" not in str(caught.value)
