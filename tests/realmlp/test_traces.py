"""RealMLP follows recorded runs: preprocessing, every loss, parameters, the best epoch, predictions.

The traces were recorded from pytabkit 1.7.3 in float32; ``ref/`` holds an independent computation in float64.
"""

from functools import cache

import numpy as np
import pytest

from deepcore._realmlp.training import Rules, SplitTraining, predict_members
from realmlp.traces import NAMES, MaskedMember, Trace, distance, train_epoch_by_epoch

# Required: 1e-6 and 1e-4. A correct float64 program comes to 1e-9.
TOLERANCE = {np.float64: 1e-9, np.float32: 1e-4}
trace_of = cache(Trace)


@pytest.fixture(params=NAMES)
def trace(request):
    return trace_of(request.param)


def wanted(trace, key, dtype):
    return trace[f"ref/{key}" if dtype == np.float64 else key]


def test_there_are_traces():
    assert NAMES


def test_categories_have_the_codes_of_their_sorted_values(trace):
    for j, known in enumerate(trace.known):
        np.testing.assert_array_equal(known, trace[f"cat_known.{j}"])
    kept = trace.codes(trace["cat"])[:, ~np.array(trace.encoding.one_hot, bool)]
    np.testing.assert_array_equal(kept, trace["prep_codes"] if "prep_codes" in trace.arrays else kept)


def test_columns_are_scaled_and_clipped_like_the_recorded_ones(trace):
    n, X = trace["num"].shape[1], [trace.X("float64"), trace.X("float64", test=True)]
    one_hot = trace.encoding.center.size - n
    reference = np.concatenate(X)
    assert distance(reference[:, :n], trace["ref/prep_num"]) <= 1e-12
    assert distance(X[0][:, :n].astype("float32"), trace["prep_num"]) <= 3e-7
    if one_hot:
        assert distance(reference[:, n : n + one_hot], trace["ref/prep_onehot"]) <= 1e-12
        assert distance(X[0][:, n : n + one_hot].astype("float32"), trace["prep_onehot"]) <= 3e-7


def test_factors_of_rate_and_decay_are_the_recorded_ones(trace):
    """The decay of the recipe is times f^2 d^2; the optimizer's own is times f."""
    spec, recorded = trace.member(0, "float64").network.spec, trace.about["parameters"]
    arrays = {f"layer{k}.{its}": (layer, own) for k, layer in enumerate(spec.layers)
              for its, own in (("weight", "W"), ("bias", "b"), ("act", "alpha"))} | {
              "scale": (spec.layers[0], "scale")}  # fmt: skip
    for path, its in recorded.items():
        name = path.split("/")[-1]
        if name in arrays:
            layer, own = arrays[name]
            rate, decay = (layer.rate or {}).get(own, 1.0), (layer.decay or {}).get(own, 1.0)
        else:
            which = spec.embeddings[0 if name.startswith("pbld") else -1]
            rate, decay = which.rate, which.decay
        assert rate == its["rate_factor"]
        if trace.recipe.decay:
            assert rate * decay == pytest.approx(its["rate_factor"] ** 2 * its["decay_factor"] ** 2)


def close(got, expected, dtype, what):
    assert distance(got, expected) <= TOLERANCE[dtype], what


def close_parameters(views, expected, dtype, tag, factor=1.0):
    for name, values in expected.items():
        own = views[f"d{name}" if tag.startswith("grad") else name]
        close(factor * own.astype("float64"), values.astype("float64"), dtype, (tag, name))


def test_losses_gradients_and_parameters_follow_the_recorded_steps(trace, dtype):
    data, ref, share = trace.split(dtype).data, dtype == np.float64, 1.0
    if not trace.classes:
        share = 1 / trace.targets.outputs  # the recorded loss is a mean over the targets
    losses = wanted(trace, "loss", dtype).reshape(trace.about["steps"], -1)
    for number in range(trace.members):
        member = trace.member(number, dtype)
        for step in range(trace.about["steps"]):
            rows = trace.rows(number, step)
            if step < (1 if ref else 2) and not (ref and trace.members > 1):  # what there are gradients of
                grads = member.gradient(data.take(rows))[1]
                close_parameters(
                    grads, trace.parameters(f"grad{step}", number, ref), dtype, f"grad{step}", share
                )
            loss = member.train(data, rows, len(rows))
            assert loss * share == pytest.approx(losses[step, number], rel=TOLERANCE[dtype]), step
            if step == 1 and not (ref and trace.members > 1):
                expected = trace.parameters("step2", number, ref)
                close_parameters(member.network.parameters, expected, dtype, "step2")
        close_parameters(member.network.parameters, trace.parameters("last", number, ref), dtype, "last")


def test_the_best_epoch_and_predictions_are_the_recorded_ones(trace, dtype):
    config, split, ref = trace.config, trace.split(dtype), dtype == np.float64
    patience = None
    if config.get("use_early_stopping"):
        patience = (
            config["early_stopping_multiplicative_patience"],
            config["early_stopping_additive_patience"],
        )
    members = [trace.member(number, dtype) for number in range(trace.members)]
    orders = [trace.order(number) for number in range(trace.members)]
    training = SplitTraining(members, split, trace.recipe, Rules(early_stopping=patience))
    outcome = train_epoch_by_epoch(training, orders, MaskedMember.train)
    assert outcome.best_epoch == int(trace["best_epoch"])
    assert len(outcome.losses) == trace.about["epochs_run"]
    close(np.array(outcome.errors), wanted(trace, "val_metric", dtype), dtype, "val_metric")
    networks = [member.network for member in members]
    for number, network in enumerate(networks):
        close_parameters(network.parameters, trace.parameters("best", number, ref), dtype, "best")
    for key, X in (("pred", split.X_val), ("test_pred", trace.X(dtype, test=True))):
        expected = wanted(trace, key, dtype)
        predicted = predict_members(networks, X, trace.targets, 0)
        close(predicted.reshape(expected.shape), expected, dtype, key)
        rows = np.concatenate([predict_members(networks, X[[k]], trace.targets, 0) for k in range(len(X))])
        np.testing.assert_array_equal(rows, predicted)
