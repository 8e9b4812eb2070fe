"""Ctrl-C in the middle of a long epoch: KeyboardInterrupt comes out, and the model keeps what it learned."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a child process")

# One epoch has 300000 steps of about 0.1 ms: an engine that looked for signals between epochs only
# would finish it first. The signal is sent by a thread that has seen the native loop count steps.
LONG_RUN = """
    import os, signal, threading
    import numpy as np
    import deepcore as dc

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300_000, 4)).astype(np.float32)
    y = rng.integers(2, size=300_000)
    model = dc.mlp([4, 512, 512, 1], seed=1)
    start = model.flat_parameters.copy()
    state = dc.SGD(1e-3).bind(model)

    def interrupt():
        while state.steps == 0:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    def run(**options):
        sender = threading.Thread(target=interrupt)
        sender.start()
        try:
            model.fit(X, y, state, epochs=1000, batch_size=1, **options)
        except KeyboardInterrupt:
            sender.join()
            return
        raise SystemExit("fit came back without KeyboardInterrupt")
"""


def child(code):
    """Run the long run and ``code`` in a process of its own; a hang ends after two minutes."""
    program = textwrap.dedent(LONG_RUN) + textwrap.dedent(code)
    # a shell that starts tests in the background has SIGINT ignored; children inherit that
    command = [
        sys.executable,
        "-c",
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + program,
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.split()


def test_the_interrupt_arrives_within_the_epoch():
    steps, epochs = child("run(); print(state.steps, model.epochs_trained)")
    assert 0 < int(steps) < 300_000
    assert epochs == "1"  # the order of the unfinished epoch is used up


def test_the_steps_made_before_the_interrupt_are_kept():
    changed, finite = child(
        "run(); print((model.flat_parameters != start).any(), np.isfinite(model.flat_parameters).all())"
    )
    assert (changed, finite) == ("True", "True")


def test_the_model_can_be_used_and_trained_on():
    (same,) = child(
        """
        run()
        steps = state.steps
        history = model.fit(X[:64], y[:64], state, epochs=2, batch_size=32)
        print(history.epochs == 2 and state.steps == steps + 4 and model.predict(X[:5]).shape == (5, 1))
        """
    )
    assert same == "True"


def test_callbacks_hear_that_the_run_ended():
    (heard,) = child(
        """
        class Listener:
            ended = 0
            def __call__(self, record): pass
            def on_end(self, model): self.ended += 1
        listener = Listener()
        run(callbacks=[listener])
        print(listener.ended)
        """
    )
    assert heard == "1"


def test_the_interrupt_arrives_within_a_large_batch_and_its_step_is_not_taken():
    before, after, kept = child(
        """
        X = rng.normal(size=(12_000, 784)).astype(np.float32)
        model = dc.mlp([784, 512, 256, 1], seed=1)
        state, seen = dc.SGD(1e-3).bind(model), []

        def interrupt():
            while state.steps == 0:
                pass
            seen.append(state.steps)
            os.kill(os.getpid(), signal.SIGINT)

        sender = threading.Thread(target=interrupt)
        sender.start()
        try:
            model.fit(X, y[:12_000], state, epochs=1000, batch_size=None)
        except KeyboardInterrupt:
            sender.join()
        print(seen[0], state.steps, np.isfinite(model.flat_parameters).all())
        """
    )
    assert (before, after, kept) == ("1", "1", "True")


def test_a_run_over_batches_keeps_its_steps_too():
    steps, epochs, finite = child(
        """
        sender = threading.Thread(target=interrupt)
        sender.start()
        batches = [(X[i : i + 100], y[i : i + 100]) for i in range(0, len(X), 100)]
        try:
            model.fit_batches(batches, state, epochs=1000)
        except KeyboardInterrupt:
            sender.join()
        else:
            raise SystemExit("fit_batches came back without KeyboardInterrupt")
        print(state.steps, model.epochs_trained, np.isfinite(model.flat_parameters).all())
        """
    )
    assert 0 < int(steps) < 3_000
    assert (epochs, finite) == ("1", "True")
