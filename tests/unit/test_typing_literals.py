"""Names in signatures, classes and ``__all__`` are those of the native tables and of the package."""

from dataclasses import fields
from typing import get_args

import pytest

import deepcore as dc
from deepcore import catalog, typing

PAIRS = {
    "ActivationName": catalog.activations,
    "LossName": catalog.losses,
    "InitializerName": catalog.initializers,
    "OptimizerName": catalog.optimizers,
    "ScheduleName": catalog.schedules,
    "MetricName": catalog.metrics,
}
OPTIMIZERS = [dc.SGD, dc.RMSProp, dc.Adagrad, dc.Adam, dc.AdamW, dc.NAdam, dc.AMSGrad, dc.Lion]
SCHEDULES = [
    dc.Constant,
    dc.StepDecay,
    dc.Exponential,
    dc.InverseTime,
    dc.Cosine,
    dc.OneCycle,
    dc.FlatCosine,
    dc.CosLog4,
]


@pytest.mark.parametrize("name", PAIRS)
def test_a_literal_lists_the_rows_of_its_table(name):
    assert set(get_args(getattr(typing, name))) == set(PAIRS[name])


def test_every_literal_of_names_is_tied_to_a_table():
    named = {name for name in typing.__all__ if name.endswith("Name")}
    assert named == {*PAIRS, "DTypeName", "NormName", "ParametrizationName"}


def test_every_row_of_the_optimizers_has_its_class():
    assert {cls.name for cls in OPTIMIZERS} == set(catalog.optimizers)


@pytest.mark.parametrize("cls", OPTIMIZERS)
def test_an_optimizer_has_the_row_s_constants_and_defaults(cls):
    defaults = {
        field.name: field.default
        for field in fields(cls)
        if not field.name.startswith(("learning_rate", "clip_"))
    }
    assert defaults == catalog.optimizers[cls.name]["hyper"]


@pytest.mark.parametrize("cls", OPTIMIZERS)
def test_the_learning_rate_is_the_first_argument_of_an_optimizer(cls):
    assert fields(cls)[0].name == "learning_rate"
    assert cls(0.25).learning_rate == 0.25


def test_every_row_of_the_schedules_has_its_class():
    assert {cls.name for cls in SCHEDULES} == set(catalog.schedules)


@pytest.mark.parametrize("table", [*PAIRS.values()])
def test_tables_are_read_only(table):
    name = next(iter(table))
    with pytest.raises(TypeError):
        table["new"] = {}
    with pytest.raises(TypeError):
        table[name]["formula"] = "0"


def test_an_unknown_name_gets_the_nearest_one_as_hint():
    with pytest.raises(ValueError, match=r"Dense: activation must be one of .*'rleu'; did you mean 'relu'"):
        dc.Dense(3, "rleu")


@pytest.mark.parametrize("module", [dc, dc.functional, dc.catalog, dc.schedules, typing])
def test_public_names_exist(module):
    def there(name):
        try:
            return hasattr(module, name)
        except ModuleNotFoundError as error:  # it needs an extra that is not installed, and says which
            return "deepcore-nn[" in str(error)

    assert [name for name in module.__all__ if not there(name)] == []


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Modle'"):
        dc.Modle  # noqa: B018
