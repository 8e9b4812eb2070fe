"""Errors of one of several ranks: all ranks end, and none waits for another."""

import signal

import pytest

import deepcore as dc
from deepcore.exceptions import GroupError
from ranks import (
    BATCH,
    LABELS,
    OUTPUT,
    Ordered,
    Plain,
    X,
    all_results,
    check_same,
    raising,
    together,
    train,
)


@pytest.mark.parametrize("kind", [Plain, Ordered])
@pytest.mark.parametrize("error", [ValueError("too hot"), KeyboardInterrupt()])
def test_an_exception_of_a_callback_reaches_all_ranks(kind, error):
    def work(group):
        train(group, callbacks=[raising(error)], epochs=50)

    _, errors = together(3, work, kind)
    assert errors[0] is error
    assert [type(other) for other in errors[1:]] == [GroupError, GroupError]
    assert [other.rank for other in errors[1:]] == [0, 0]
    assert f"rank 0 raised {type(error).__name__}" in str(errors[1])


@pytest.mark.parametrize("kind", [Plain, Ordered])
@pytest.mark.parametrize("event", ["on_run", "on_start", "on_poll", "on_end"])
def test_an_exception_of_a_hook_reaches_all_ranks(kind, event):
    class Hooks:
        def __call__(self, record):
            pass

    def fail(self, *arguments):
        raise OSError(event)

    setattr(Hooks, event, fail)
    _, errors = together(2, lambda group: train(group, callbacks=[Hooks()], epochs=50), kind)
    assert isinstance(errors[0], OSError)
    assert isinstance(errors[1], GroupError)
    assert f"rank 0 raised OSError: {event}" in str(errors[1])


def test_a_time_limit_within_an_epoch_ends_all_ranks_in_order():
    class Stop(dc.MaxSeconds):
        def on_poll(self):
            self.seconds = 0.0
            super().on_poll()

    def work(group):
        return train(group, callbacks=[Stop(1e-9)], epochs=10**6, batch_size=4)

    results = all_results(3, work)
    check_same(results, results[0])


@pytest.mark.parametrize("kind", [Plain, Ordered])
@pytest.mark.parametrize("main", [0, 1])
def test_ctrl_c_on_one_rank_ends_all(kind, main):
    def work(group):
        model = dc.mlp([7, 24, 3], seed=3)

        def interrupt(record):
            if record.epoch == 3:
                signal.raise_signal(signal.SIGINT)

        model.fit(X, LABELS, epochs=10**6, batch_size=BATCH, callbacks=[interrupt], group=group, threads=1)

    handler = signal.getsignal(signal.SIGINT)
    _, errors = together(3, work, kind, main=main)
    assert isinstance(errors[main], KeyboardInterrupt)
    others = [error for rank, error in enumerate(errors) if rank != main]
    assert [(type(error), error.rank) for error in others] == [(GroupError, main)] * 2
    assert signal.getsignal(signal.SIGINT) == handler


@pytest.mark.parametrize("main", [0, 1])
def test_ctrl_c_is_seen_by_a_rank_that_has_no_examples(main):
    def work(group):
        def interrupt(record):
            if record.epoch == 3:
                signal.raise_signal(signal.SIGINT)

        train(group, batch_size=100, epochs=10**6, callbacks=[interrupt])

    _, errors = together(3, work, main=main)
    assert [isinstance(error, KeyboardInterrupt) for error in errors] == [rank == main for rank in range(3)]


def test_wrong_arguments_on_one_rank_are_an_error_on_all():
    def work(group):
        train(group, y=LABELS + (5 if group.rank == 1 else 0))

    _, errors = together(3, work)
    assert isinstance(errors[1], ValueError)
    assert [error.rank for error in (errors[0], errors[2])] == [1, 1]
    assert "rank 1 raised ValueError: fit: " in str(errors[0])


DIFFERENT = {
    "epochs": ({"epochs": 3}, "epochs is 2 on rank 0 and 3 on rank 1"),
    "batch_size": ({"batch_size": 20}, "batch_size is 700 on rank 0 and 20 on rank 1"),
    "optimizer": (
        {"optimizer": dc.Adam(0.02)},
        "optimizer.learning_rate is 0.01 on rank 0 and 0.02 on rank 1",
    ),
    "shape": ({"X": X[:800], "y": LABELS[:800]}, r"X.shape\[0\] is 1000 on rank 0 and 800 on rank 1"),
    "values": ({"X": 2 * X}, "the values of X on rank 1 are not those on rank 0"),
    "network": ({"network": {"seed": 4}}, "network.seed is 3 on rank 0 and 4 on rank 1"),
    "shuffle": ({"shuffle": False}, "shuffle is True on rank 0 and False on rank 1"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_ranks_that_make_different_calls_are_refused_before_the_first_step(name):
    options, message = DIFFERENT[name]
    models = []

    def work(group):
        model = dc.mlp([7, 24, 3], seed=3)
        models.append(model)
        train(group, **(options if group.rank == 1 else {}))

    _, errors = together(3, work)
    assert {type(error) for error in errors} == {GroupError}
    assert len({str(error) for error in errors}) == 1
    with pytest.raises(GroupError, match=message):
        raise errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [dc.Dense(4, norm="batch"), OUTPUT]}, "norm='batch'.*use norm='layer'"),
        ({"optimizer": dc.LBFGS()}, r"group must be None with LBFGS\(\)"),
    ],
)
def test_what_ranks_cannot_share_is_refused_with_a_reason(options, message):
    for error in together(2, lambda group: train(group, **options))[1]:
        with pytest.raises(ValueError, match=message):
            raise error


def test_an_object_that_is_no_group_is_refused():
    with pytest.raises(TypeError, match="group must have rank, size, sum"):
        train(object())


def test_a_transport_that_fails_is_a_group_error_with_the_cause():
    class Broken(Ordered):
        def add_in_order(self, *arguments):
            if self.messages > 3:
                raise TimeoutError("no answer")
            return super().add_in_order(*arguments)

    _, errors = together(2, lambda group: train(group, epochs=9), Broken)
    assert {type(error) for error in errors} == {GroupError}
    assert isinstance(errors[0].__cause__, TimeoutError)
    assert "rank 0 could not reach the others: TimeoutError: no answer in epoch" in str(errors[0])


def test_ranks_whose_parameters_differ_are_noticed():
    class Wrong(Ordered):
        def add_in_order(self, parts, counts, total, first, header):
            headers = super().add_in_order(parts, counts, total, first, header)
            total *= 1 + 1e-3 * self.rank
            return headers

    _, errors = together(2, lambda group: train(group, epochs=9), Wrong)
    assert {type(error) for error in errors} == {GroupError}
    assert "the parameters of rank 1 are no longer those of rank 0" in str(errors[0])


def test_parameters_are_compared_within_a_long_epoch():
    class Wrong(Ordered):
        def add_in_order(self, parts, counts, total, first, header):
            headers = super().add_in_order(parts, counts, total, first, header)
            total *= 1 + 1e-3 * self.rank
            return headers

    steps = []

    def work(group):
        try:
            train(group, batch_size=2, epochs=1)
        finally:
            steps.append(group.messages)

    together(2, work, Wrong)
    assert max(steps) < 100  # of 500


def test_first_numbers_are_those_of_rank_0():
    def work(group):
        model = dc.mlp([7, 24, 3], seed=3)
        if group.rank == 1:
            model.flat_parameters[:] = 1
        return model, model.fit(X, LABELS, dc.Adam(0.01), epochs=2, batch_size=BATCH, threads=1, group=group)

    check_same(all_results(2, work), train())


def test_a_state_of_the_optimizer_goes_on_on_all_ranks():
    def work(group):
        model = dc.mlp([7, 24, 3], seed=3)
        state = dc.Adam(0.01).bind(model)
        for _ in range(2):
            history = model.fit(X, LABELS, state, epochs=2, batch_size=BATCH, threads=1, group=group)
        return model, history

    check_same(all_results(2, work), work(None))
