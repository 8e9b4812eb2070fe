"""The native tables and the twin's tables have the same rows, and say the same about them."""

import numpy as np
import pytest

from deepcore import _core
from reference import activations, initializers, losses, metrics, optimizers, schedules

TABLES = {
    "activations": (_core.activations, activations.ACTIVATIONS),
    "losses": (_core.losses, losses.LOSSES),
    "initializers": (_core.initializers, initializers.INITIALIZERS),
    "optimizers": (_core.optimizers, optimizers.RULES),
    "schedules": (_core.schedules, schedules.SCHEDULES),
    "metrics": (_core.metrics, metrics.METRICS),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_its_twin_and_every_twin_its_row(table):
    rows, twins = TABLES[table]
    names = [row["name"] for row in rows()]
    assert sorted(names) == sorted(twins)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_formula(table):
    assert all(row["formula"].strip() for row in TABLES[table][0]())


@pytest.mark.parametrize("table", TABLES)
def test_formulas_are_ascii(table):
    assert all(
        value.isascii() for row in TABLES[table][0]() for value in row.values() if isinstance(value, str)
    )


@pytest.mark.parametrize("row", _core.activations(), ids=lambda row: row["name"])
def test_an_activation_row_says_what_its_twin_does(row):
    twin = activations.ACTIVATIONS[row["name"]]
    assert row["parameter"] == twin.parameter
    assert row["probability"] is twin.probability
    assert row["positive"] is twin.positive
    assert row["positive"] is twin.positive
    assert row["derivative"].strip()
    assert row["reads"] in ("output", "input")
    assert row["gain"] > 0


@pytest.mark.parametrize("row", _core.losses(), ids=lambda row: row["name"])
def test_a_loss_row_says_what_its_twin_does(row):
    twin = losses.LOSSES[row["name"]]
    assert row["output"] == twin.output
    assert row["needs_probability"] is twin.needs_probability
    assert row["needs_positive"] is twin.needs_positive
    assert row["parameter"] == twin.parameter
    assert row["needs_positive"] is twin.needs_positive
    assert row["parameter"] == twin.parameter
    assert row["derivative"].strip()


@pytest.mark.parametrize("row", _core.optimizers(), ids=lambda row: row["name"])
def test_an_optimizer_row_has_its_twin_s_constants_in_their_order(row):
    assert list(row["hyper"].items()) == list(optimizers.DEFAULTS[row["name"]].items())


@pytest.mark.parametrize("row", _core.optimizers(), ids=lambda row: row["name"])
def test_an_optimizer_keeps_one_block_per_slot(row):
    network = _core.NetworkF64(3, [(2, "linear", 0.0)], "half_squared_error")
    momentum = {"momentum": 0.5} if "momentum" in row["hyper"] else {}
    optimizer = _core.OptimizerF64(
        network, row["name"], row["hyper"] | momentum, _core.Schedule("constant", [0.1])
    )
    assert list(optimizer.slots) == row["slots"]
    assert all(slot.shape == network.parameters.shape and not slot.any() for slot in optimizer.slots.values())


@pytest.mark.parametrize(("name", "slots"), [("sgd", []), ("rmsprop", ["s"])])
def test_an_optimizer_without_momentum_keeps_no_velocity(name, slots):
    network = _core.NetworkF64(3, [(2, "linear", 0.0)], "half_squared_error")
    assert list(_core.OptimizerF64(network, name, {}, _core.Schedule("constant", [0.1])).slots) == slots


@pytest.mark.parametrize("row", _core.activations(), ids=lambda row: row["name"])
def test_an_output_is_a_probability_exactly_if_its_row_says_so(row):
    Z = np.array([[-3.0, -0.5, 0.5, 3.0]]).T
    A = _core.activation_forward(Z, row["name"], row["parameter"] or 0.0)
    assert bool(((A > 0) & (A < 1)).all()) is row["probability"]
