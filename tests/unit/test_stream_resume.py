"""A training on a stream that is stopped anywhere and called again ends with the same bits."""

import numpy as np
import pytest

import deepcore as dc
from resuming import Killed, check_same, killed_in, network, problem, stopped_after_every_batch
from streaming import BATCH, save_pair


@pytest.mark.parametrize("kind", ["arrays", "files", "function", "in order"])
def test_a_stream_goes_on_after_every_batch(tmp_path, kind):
    X, y = problem(100)
    weight = np.where(np.arange(100) < 40, 1.0, 0.5)
    source = {
        "files": save_pair(tmp_path, X, y),
        "function": lambda: iter([(X[:30], y[:30]), (X[30:], y[30:])]),
    }
    options = {"shuffle": False} if kind == "in order" else {}

    def call(callbacks):
        model = network(dropout=0.1)
        state = dc.Adam(0.01).bind(model)
        stream = dc.stream(source.get(kind, (X, y, weight)), BATCH, buffer_bytes=1 << 12, **options)
        return model, state, model.fit(stream, optimizer=state, epochs=2, callbacks=callbacks)

    check_same(call([]), stopped_after_every_batch(tmp_path / "run.safetensors", call))


def test_going_on_reads_no_block_again(tmp_path):
    X, y = problem(400)
    path, read = tmp_path / "run.safetensors", []

    class Watched(np.ndarray):
        def __getitem__(self, at):
            if isinstance(at, slice) and at.start is not None:
                read.append(at)
            return super().__getitem__(at)

    def call(*callbacks):
        read.clear()
        model = network()
        stream = dc.stream((X.view(Watched), y), BATCH, buffer_bytes=1 << 13)
        model.fit(stream, epochs=3, callbacks=list(callbacks))
        return len(read)

    whole = call()
    with pytest.raises(Killed):
        call(dc.Checkpoint(path), killed_in(2))
    again = call(dc.Checkpoint(path))
    assert again < whole / 3 + 20  # the last epoch, and what is compared


def test_ctrl_c_while_the_model_waits_leaves_the_last_step(tmp_path):
    X, y = problem(300)
    path = tmp_path / "run.safetensors"
    armed = [True]

    def chunks():
        yield X[:200], y[:200]
        if armed[0]:
            raise KeyboardInterrupt
        yield X[200:], y[200:]

    def call():
        model = network()
        stream = dc.stream(chunks, BATCH, shuffle=False, buffer_bytes=1 << 13)
        model.fit(stream, epochs=1, callbacks=[dc.Checkpoint(path, every_epochs=5)])
        return model

    with pytest.raises(KeyboardInterrupt):
        call()
    assert path.exists()
    armed[0] = False
    model, twin = call(), network()
    twin.fit(X, y, epochs=1, batch_size=BATCH, shuffle=False)
    assert np.array_equal(model.flat_parameters, twin.flat_parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 8}, "stream.batch_size is 16 in the file and 8"),
        ({"seed": 1}, "stream.seed is 0 in the file and 1"),
        ({"shuffle": False}, "stream.shuffle is 'blocks' in the file and False"),
        ({"buffer_bytes": 1 << 15}, "stream.rows per buffer"),
        ({"source": tuple(a[::-1] for a in problem(300))}, "the values of stream are not those of the file"),
    ],
)
def test_the_checkpoint_of_another_stream_is_refused(tmp_path, change, message):
    path = tmp_path / "run.safetensors"

    def call(**options):
        options = {"source": problem(300), "batch_size": BATCH, "buffer_bytes": 1 << 13, **options}
        network().fit(dc.stream(**options), epochs=1, callbacks=[dc.Checkpoint(path)])

    call()
    with pytest.raises(ValueError, match=message):
        call(**change)
