"""The doctor names the cause of each kind of broken training, and is silent on healthy ones."""

import warnings

import numpy as np
import pytest

import deepcore as dc
from deepcore.doctor import CAUSES, Finding, Findings

RNG = np.random.default_rng(5)
POINTS, SIDES = dc.data.moons(360, seed=1)
POINTS = (POINTS - POINTS.mean(axis=0)) / POINTS.std(axis=0)
TABLE = RNG.normal(size=(360, 5))
CURVE = TABLE[:, 0] * TABLE[:, 1] + np.sin(2 * TABLE[:, 2]) + 0.5 * TABLE[:, 3]
CURVE = (CURVE - CURVE.mean()) / CURVE.std()
BLOBS = np.concatenate([RNG.normal(center, 0.7, size=(120, 2)) for center in ([0, 0], [3, 0], [0, 3])])
KINDS = np.repeat([0, 1, 2], 120)
_order = RNG.permutation(360)
BLOBS, KINDS = BLOBS[_order] - 1.0, KINDS[_order]
NOISE = RNG.normal(size=(360, 60))


def halves(X, y):
    """Training and validation rows as ``fit`` takes them."""
    return {"X": X[:240], "y": y[:240], "validation_data": (X[240:], y[240:])}


def classifier(*hidden, activation="relu", **options):
    layers = [dc.Dense(units, activation, **options) for units in hidden]
    return dc.Model(2, [*layers, dc.Dense(1, "sigmoid")], seed=1)


def regressor(*hidden, activation="tanh", output="linear", loss="half_squared_error", **options):
    layers = [dc.Dense(units, activation, **options) for units in hidden]
    return dc.Model(5, [*layers, dc.Dense(1, output)], loss=loss, seed=1)


def with_start(model, change):
    """The model with other first parameters."""
    for number in range(1, len(model.layers)):
        change(model.parameters[f"W{number}"], model.parameters[f"b{number}"])
    return model


def deep(start, activation="relu"):
    return with_start(classifier(*[16] * 8, activation=activation), start)


def constant(W, b):
    W[...] = 0.3


def scaled(factor):
    def change(W, b):
        W *= factor

    return change


def shifted(value):
    def change(W, b):
        b[...] = value

    return change


POINTS_RUN = {**halves(POINTS, SIDES), "optimizer": dc.Adam(0.01), "epochs": 40, "batch_size": 32}
TABLE_RUN = {**halves(TABLE, CURVE), "optimizer": dc.Adam(0.01), "epochs": 40, "batch_size": 32}
BLOBS_RUN = {**halves(BLOBS, KINDS), "optimizer": dc.Adam(0.01), "epochs": 30, "batch_size": 32}
RARE = np.where(TABLE[:, 0] + TABLE[:, 1] + 0.8 * TABLE[:, 4] > 2.4, 1, 0)

BROKEN = {
    "labels_constant": lambda: (classifier(16), POINTS_RUN | halves(POINTS, np.ones(360, int))),
    "labels_shuffled": lambda: (
        classifier(16),
        POINTS_RUN | {"epochs": 10} | halves(POINTS, np.random.default_rng(2).permutation(SIDES)),
    ),
    "leak_between_train_and_validation": lambda: (
        classifier(16),
        POINTS_RUN | {"validation_data": (POINTS[:100], SIDES[:100])},
    ),
    "wrong_labels_shape_or_range": lambda: (
        dc.Model(2, [dc.Dense(16), dc.Dense(1, "sigmoid")], seed=1),
        BLOBS_RUN | halves(BLOBS, KINDS / 2),
    ),
    "wrong_loss_for_output": lambda: (
        dc.Model(2, [dc.Dense(16), dc.Dense(1, "sigmoid")], loss="categorical_cross_entropy", seed=1),
        POINTS_RUN,
    ),
    "wrong_output_activation": lambda: (regressor(16, output="sigmoid", loss="squared_error"), TABLE_RUN),
    "symmetric_or_constant_init": lambda: (
        with_start(dc.Model(2, [dc.Dense(16, "tanh"), dc.Dense(1, "sigmoid", init="zeros")]), constant),
        POINTS_RUN,
    ),
    "inputs_not_scaled": lambda: (
        classifier(16),
        POINTS_RUN | halves(POINTS * np.array([1.0, 2000.0]), SIDES),
    ),
    "target_not_scaled": lambda: (regressor(16), TABLE_RUN | halves(TABLE, 20_000 * CURVE + 50_000)),
    "regularisation_too_strong": lambda: (classifier(16, l2=2.0), POINTS_RUN),
    "dropout_too_high": lambda: (
        dc.Model(
            2,
            [dc.Dense(32), dc.Dropout(0.95), dc.Dense(32), dc.Dropout(0.95), dc.Dense(1, "sigmoid")],
            seed=1,
        ),
        POINTS_RUN,
    ),
    "saturated_units": lambda: (with_start(regressor(16), scaled(80.0)), TABLE_RUN),
    "vanishing_gradients": lambda: (
        deep(scaled(0.02), "tanh"),
        POINTS_RUN | {"optimizer": dc.SGD(0.05)},
    ),
    "exploding_gradients": lambda: (deep(scaled(30.0)), POINTS_RUN),
    "dead_relu": lambda: (with_start(classifier(16), shifted(-20.0)), POINTS_RUN),
    "no_hidden_activation": lambda: (regressor(16, 16, activation="linear"), TABLE_RUN),
    "too_few_units": lambda: (
        dc.Model(2, [dc.Dense(1, "tanh"), dc.Dense(3, "softmax")], seed=1),
        BLOBS_RUN | {"epochs": 100} | halves(POINTS, np.where(POINTS[:, 0] > 0.7, 2, SIDES)),
    ),
    "class_imbalance": lambda: (
        dc.Model(5, [dc.Dense(8), dc.Dense(1, "sigmoid")], seed=1),
        TABLE_RUN | halves(TABLE, RARE) | {"epochs": 15, "optimizer": dc.Adam(0.003)},
    ),
    "overfitting": lambda: (
        dc.Model(62, [dc.Dense(64), dc.Dense(1, "sigmoid")], seed=1),
        POINTS_RUN | halves(np.hstack([0.3 * POINTS, NOISE]), SIDES),
    ),
    "learning_rate_too_high": lambda: (classifier(16), POINTS_RUN | {"optimizer": dc.SGD(300.0)}),
    "learning_rate_too_low": lambda: (classifier(16), POINTS_RUN | {"optimizer": dc.Adam(1e-6)}),
    "batch_size_too_large": lambda: (
        dc.Model(2, [dc.Dense(16), dc.Dense(3, "softmax")], seed=1),
        BLOBS_RUN | {"batch_size": None, "epochs": 8, "optimizer": dc.Adam(0.005)},
    ),
    "too_few_epochs": lambda: (
        dc.Model(2, [dc.Dense(16), dc.Dense(3, "softmax")], seed=1),
        BLOBS_RUN | {"epochs": 1, "optimizer": dc.Adam(0.003)},
    ),
}

HEALTHY = {
    "classes": lambda: (classifier(16, 16), POINTS_RUN),
    "tanh": lambda: (classifier(16, activation="tanh"), POINTS_RUN | {"optimizer": dc.Adam(0.03)}),
    "three classes": lambda: (dc.Model(2, [dc.Dense(16), dc.Dense(3, "softmax")], seed=1), BLOBS_RUN),
    "regression": lambda: (regressor(32), TABLE_RUN | {"optimizer": dc.Adam(0.02), "epochs": 80}),
    "linear task": lambda: (
        regressor(8, activation="linear"),
        TABLE_RUN | halves(TABLE, TABLE @ [1.0, 0.5, -1, 0, 0.2]),
    ),
    "features in their own units": lambda: (classifier(16, 16), POINTS_RUN | halves(4 * POINTS + 2, SIDES)),
    "no validation data": lambda: (classifier(16, 16), POINTS_RUN | {"validation_data": None}),
}


def problems(findings):
    return [finding.cause for finding in findings if finding.severity == "problem"]


def diagnosed(case, **options):
    model, run = case()
    run = dict(run)
    return dc.diagnose(model, run.pop("X"), run.pop("y"), run.pop("optimizer"), **run, **options)


def fitted(model, run, doctor):
    run = dict(run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(run.pop("X"), run.pop("y"), run.pop("optimizer"), **run, callbacks=[doctor])


@pytest.mark.parametrize("cause", BROKEN)
def test_the_cause_of_a_broken_training_is_found_first(cause):
    assert problems(diagnosed(BROKEN[cause]))[:1] == [cause]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_has_no_findings(name):
    assert diagnosed(HEALTHY[name]) == ()


def test_every_cause_but_the_symptom_has_a_case():
    assert set(CAUSES) == {*BROKEN, "one_class_predicted"}


def test_a_finding_has_evidence_in_numbers_and_advice_as_an_argument():
    for finding in (diagnosed(case)[0] for case in (BROKEN["dead_relu"], BROKEN["learning_rate_too_high"])):
        assert isinstance(finding, Finding)
        assert finding.cause in CAUSES
        assert any(character.isdigit() for character in finding.evidence)
        assert finding.evidence.endswith(".")
        assert finding.advice
        assert finding.proof is None
    assert diagnosed(BROKEN["dead_relu"])[0].layer == 1


def test_the_callback_finds_what_diagnose_finds():
    model, run = BROKEN["learning_rate_too_high"]()
    doctor = dc.Doctor()
    fitted(model, run, doctor)
    assert doctor.findings == diagnosed(BROKEN["learning_rate_too_high"])
    assert doctor.findings is doctor.findings


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_the_training_has_the_same_bits_with_a_doctor(name):
    (plain, run), (watched, _) = HEALTHY[name](), HEALTHY[name]()
    arguments = dict(run)
    plain.fit(arguments.pop("X"), arguments.pop("y"), arguments.pop("optimizer"), **arguments)
    doctor = dc.Doctor()
    fitted(watched, run, doctor)
    assert np.array_equal(watched.flat_parameters, plain.flat_parameters)
    assert doctor.findings == ()
    assert np.array_equal(watched.flat_parameters, plain.flat_parameters)


def test_diagnose_leaves_the_model_as_it_is():
    model, _ = BROKEN["learning_rate_too_low"]()
    before = model.flat_parameters.copy()
    dc.diagnose(model, POINTS, SIDES, epochs=2)
    assert np.array_equal(model.flat_parameters, before)
    assert model.epochs_trained == 0


def test_a_model_is_diagnosed_after_its_training_as_before_it():
    fresh, run = BROKEN["learning_rate_too_low"]()
    trained, _ = BROKEN["learning_rate_too_low"]()
    fitted(trained, run, dc.Doctor())
    assert diagnosed(lambda: (trained, run)) == diagnosed(lambda: (fresh, run))


@pytest.mark.parametrize("cause", ["dead_relu", "symmetric_or_constant_init", "saturated_units"])
def test_a_start_that_was_set_by_hand_shows_in_the_trained_model(cause):
    model, run = BROKEN[cause]()
    fitted(model, run, dc.Doctor())
    assert problems(diagnosed(lambda: (model, run))) == [cause]


def test_a_proof_compares_the_run_with_the_advice():
    (finding,) = diagnosed(BROKEN["inputs_not_scaled"], proof=True)[:1]
    assert finding.proof.rows == "validation"
    assert finding.proof.measure == "accuracy"
    assert finding.proof.after >= finding.proof.before + 0.04
    assert str(finding.proof) in str(finding)


def test_the_proof_of_class_imbalance_is_the_balanced_accuracy_of_the_rows_that_it_names():
    rng = np.random.default_rng(0)
    y = (rng.random(1000) < 0.04).astype(int)
    X = rng.normal(size=(1000, 2)) + 1.2 * y[:, np.newaxis]
    finding = dc.diagnose(dc.mlp([2, 8, 1], seed=1), X, y, dc.Adam(0.003), batch_size=32, proof=True)[0]
    assert finding.cause == "class_imbalance"
    assert "of its training examples are predicted" in finding.evidence
    assert (finding.proof.measure, finding.proof.rows) == ("balanced accuracy", "training")
    assert finding.proof.after >= finding.proof.before + 0.1


def test_networks_with_the_start_of_the_course_are_examined():
    model = dc.mlp([2, 8, 1], activation="linear", init="course", seed=1)
    findings = dc.diagnose(model, POINTS, SIDES, dc.Adam(0.02), epochs=40, batch_size=32)
    assert problems(findings) == ["no_hidden_activation"]


def test_units_of_a_parametric_relu_are_not_dead():
    model = with_start(classifier(16, parametric=True), lambda W, b: b.fill(-30.0))
    model.parameters["alpha1"] = np.full((16, 1), 0.5)
    findings = dc.diagnose(model, POINTS, SIDES, dc.Adam(1e-3), epochs=20, batch_size=32)
    assert "dead_relu" not in {finding.cause for finding in findings}


def test_the_order_of_the_examples_does_not_matter():
    X, y = dc.data.moons(14_000, seed=1)
    rows = np.argsort(y[:12_000], kind="stable")
    findings = dc.diagnose(
        classifier(16, activation="linear"), X[rows], y[rows], dc.Adam(0.01), epochs=3,
        validation_data=(X[12_000:], y[12_000:]),
    )  # fmt: skip
    assert problems(findings) == ["no_hidden_activation"]


def test_a_training_that_a_callback_ended_is_repeated_with_the_epochs_that_it_had():
    doctor = dc.Doctor()
    classifier(16).fit(
        POINTS, SIDES, dc.Adam(1e-3), epochs=200, batch_size=32,
        callbacks=[doctor, lambda record: record.epoch == 1],
    )  # fmt: skip
    evidence = {finding.cause: finding.evidence for finding in doctor.findings}
    assert evidence.keys() == {"too_few_epochs"}
    assert evidence["too_few_epochs"].startswith("After 2 epochs")


def test_what_follows_from_a_problem_is_a_note():
    findings = diagnosed(BROKEN["learning_rate_too_high"])
    notes = [finding.cause for finding in findings if finding.severity == "note"]
    assert "exploding_gradients" in notes or "dead_relu" in notes
    assert [finding.severity for finding in findings] == sorted(
        (finding.severity for finding in findings), reverse=True
    )


def test_rows_of_whole_numbers_that_repeat_are_no_problem():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 4, size=(400, 2)).astype(float)
    y = (X.sum(axis=1) > 3).astype(int)
    model = dc.mlp([2, 16, 1], seed=1)
    findings = dc.diagnose(
        model, X[:300], y[:300], dc.Adam(0.02), epochs=60, validation_data=(X[300:], y[300:]), batch_size=32
    )
    assert [(finding.cause, finding.severity) for finding in findings] == [
        ("leak_between_train_and_validation", "note")
    ]


def test_findings_print_one_line_each_and_a_count():
    findings = diagnosed(BROKEN["dead_relu"])
    *lines, foot = repr(findings).splitlines()
    assert isinstance(findings, Findings)
    assert lines[0].startswith("dead_relu in layer 1 (problem): 100% of the units")
    assert foot == f"1 problem(s), {len(findings) - 1} note(s)"
    assert "<td>dead_relu</td>" in findings._repr_html_()
    assert repr(Findings()) == "0 problem(s), 0 note(s)"


def test_one_sigmoid_with_labels_of_several_columns_is_refused_by_the_model_itself():
    with pytest.raises(ValueError, match="y must have shape"):
        dc.diagnose(classifier(4), POINTS, np.eye(3)[KINDS])


def test_the_other_arguments_are_those_of_fit():
    model = dc.Model(2, [dc.Dense(16), dc.Dense(3, "softmax")], seed=1)
    findings = dc.diagnose(
        model, BLOBS, KINDS, dc.Adam(dc.Cosine(0.01)), epochs=30, batch_size=32, validation_split=0.3,
        class_weight="balanced", sample_weight=np.ones(360), shuffle=False, threads=1,
    )  # fmt: skip
    assert findings == ()


def test_lbfgs_can_be_diagnosed():
    pytest.importorskip("scipy", reason="SciPy is not installed (extra `scipy`)")
    model, run = HEALTHY["classes"]()
    assert problems(diagnosed(lambda: (model, {**run, "optimizer": dc.LBFGS(max_iter=60)}))) == []
    model, run = BROKEN["dead_relu"]()
    assert problems(diagnosed(lambda: (model, {**run, "optimizer": dc.LBFGS(max_iter=20)}))) == ["dead_relu"]


def test_sparse_features_can_be_diagnosed():
    sparse = pytest.importorskip("scipy.sparse")
    X = sparse.csr_matrix(np.where(BLOBS > 1, BLOBS, 0.0))
    model = dc.Model(2, [dc.Dense(16), dc.Dense(3, "softmax")], seed=1)
    assert problems(dc.diagnose(model, X, KINDS, dc.Adam(1e-7), epochs=5)) != []


def test_a_doctor_without_a_training_says_so():
    with pytest.raises(RuntimeError, match="pass the doctor to fit"):
        _ = dc.Doctor().findings


def test_a_training_that_shows_no_examples_refuses_a_doctor():
    with pytest.raises(TypeError, match="Doctor: it works in fit of a Model"):
        classifier(4).fit_batches([(POINTS, SIDES)], callbacks=[dc.Doctor()])
    doctor = dc.Doctor()
    classifier(4).fit(POINTS, SIDES, epochs=1, callbacks=[doctor])
    with pytest.raises(TypeError, match="Doctor: it works in fit of a Model"):
        classifier(4).fit_batches([(POINTS, SIDES)], callbacks=[doctor])


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="Doctor: proof must be True or False, got 'yes'"):
        dc.Doctor(proof="yes")
    with pytest.raises(TypeError, match="diagnose: proof must be True or False, got 1"):
        dc.diagnose(classifier(4), POINTS, SIDES, proof=1)
    with pytest.raises(TypeError, match="diagnose: model must be a Model, got int"):
        dc.diagnose(3, POINTS, SIDES)


def test_one_epoch_is_written_in_the_singular():
    X, y = dc.data.moons(256, seed=1)
    (finding,) = dc.diagnose(dc.mlp([2, 16, 1], seed=1), X, y, dc.Adam(1e-3), epochs=1, batch_size=32)
    assert finding.evidence.startswith("After 1 epoch of 8 steps the network")
