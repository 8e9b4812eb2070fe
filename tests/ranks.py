"""Groups of threads: several ranks in one process, for tests of training by several processes."""

import copy
import threading

import numpy as np

import deepcore as dc
from deepcore.distributed import Group

#: Seconds after which a rank that waits for the others fails: a test must not hang.
PATIENCE = 60


class Meeting:
    """Where the threads of a group exchange objects."""

    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size)
        self.slots = [None] * size

    def gather(self, rank, value):
        """Return the objects of all ranks in their order."""
        self.slots[rank] = value
        self.barrier.wait(PATIENCE)
        values = list(self.slots)
        self.barrier.wait(PATIENCE)
        return values


class Plain(Group):
    """The smallest group: a sum over threads, and a broadcast."""

    def __init__(self, meeting, rank, data="replicated"):
        self.meeting, self.rank, self.size, self.data = meeting, rank, meeting.size, data
        self.messages = 0

    def sum(self, array):
        self.messages += 1
        assert array.ndim == 1
        assert array.flags.c_contiguous
        return np.sum(self.meeting.gather(self.rank, array.copy()), axis=0, dtype=array.dtype)

    def broadcast(self, value):
        return copy.deepcopy(self.meeting.gather(self.rank, value)[0])


class Ordered(Plain):
    """A group that can also add up parts in one order."""

    def add_in_order(self, parts, counts, total, first, header):
        self.messages += 1
        assert len(parts) == counts[self.rank]
        everybody = self.meeting.gather(self.rank, (parts.copy(), header))
        for rows, _ in everybody:
            for row in rows:
                total[:] = row if first else total + row
                first = False
        return np.array([numbers for _, numbers in everybody])


def together(size, work, kind=Ordered, **options):
    """Call ``work(group)`` on each rank, rank 0 in the main thread, and return results and errors by rank.

    The rank in the main thread can be chosen with ``main=``.
    """
    main = options.pop("main", 0)
    meeting = Meeting(size)
    results, errors = [None] * size, [None] * size

    def run(rank):
        try:
            results[rank] = work(kind(meeting, rank, **options))
        except BaseException as error:
            errors[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size) if rank != main]
    for thread in threads:
        thread.start()
    run(main)
    for thread in threads:
        thread.join(2 * PATIENCE)
    return results, errors


def all_results(size, work, kind=Ordered, **options):
    """``together``, where no rank may fail."""
    results, errors = together(size, work, kind, **options)
    for error in errors:
        if error is not None:
            raise error
    return results


RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 7))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
WEIGHTS = RNG.uniform(0, 2, size=1000)
OUTPUT = dc.Dense(3, "softmax")
BATCH = 700  # more than three chains of examples with every CPU variant


def train(group=None, *, layers=None, network=None, optimizer=None, **options):
    """A trained model and its history."""
    network = {"seed": 3, **(network or {})}
    model = dc.Model(7, layers, **network) if layers else dc.mlp([7, 24, 3], **network)
    options = {"X": X, "y": LABELS, "epochs": 2, "batch_size": BATCH, "threads": 1, **options}
    X_given, y_given = options.pop("X"), options.pop("y")
    history = model.fit(X_given, y_given, optimizer or dc.Adam(0.01), group=group, **options)
    return model, history


def check_same(results, expected):
    model, history = expected
    for other, numbers in results:
        np.testing.assert_array_equal(other.flat_parameters, model.flat_parameters)
        assert other.epochs_trained == model.epochs_trained
        assert numbers == history


def raising(error, rank=0, epoch=2):
    def callback(record):
        if record.epoch == epoch:
            raise error

    return callback
