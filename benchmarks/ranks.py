"""Measure training with several processes, and predict more of them: time per step and per 10^9 examples.

    mpiexec -n 2 python benchmarks/ranks.py
    mpiexec -n 2 python benchmarks/ranks.py --messages

Each rank has one thread. The same batches are trained by rank 0 alone and by all ranks; they take turns,
and the parameters must be equal. With ``--messages`` the ranks do not use the memory that they share, as if
they were on two machines, and a model of the cost, which docs/scaling.md explains, is fitted.
"""

import argparse
import math
import os
import time
from itertools import pairwise

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from report import table

import deepcore as dc
from deepcore.distributed import Group

SIZES = {"small": [64, 100, 10], "medium": [784, 512, 256, 10], "large": [1024, 2048, 2048, 10]}
BATCHES = (384, 1536, 6144)  # two, eight and 32 chains of 192 examples
CHAIN = 192
BLOCK = 1 << 16  # values of a message that ranks pass on
#: Links: name, seconds per message, bytes per second of one rank.
NETWORKS = {"10 Gbit/s": (30e-6, 1.1e9), "100 Gbit/s": (5e-6, 11e9)}
RANKS = (8, 64, 512)


def flop(sizes, batch):
    """Return the floating-point operations of one step: three products per layer, two in the first."""
    weights = [n * m for n, m in pairwise(sizes)]
    return 2 * batch * (3 * sum(weights) - weights[0])


def parameters(sizes):
    return sum(n * m + m for n, m in pairwise(sizes))


def messages(sizes, batch, ranks):
    """Return how many messages a rank waits for one after the other in a step, and the bytes that it sends.

    The sums go from rank to rank if ranks have many chains, and in slices from all to all if they have few;
    see ``deepcore.distributed``.
    """
    count, chains = parameters(sizes), math.ceil(batch / CHAIN)
    most = math.ceil(chains / ranks)
    if (most - 2) * count > ranks * BLOCK:
        return ranks + np.log2(ranks), 4 * (2 * count + ranks * BLOCK)
    return 2 * np.log2(ranks), 4 * count * (ranks - 1) / ranks * (most + 1)


def predicted(sizes, batch, ranks, speed, latency, rate):
    """Return the seconds of a step: the busiest rank's chains, and its messages."""
    chains = -(-batch // CHAIN)
    work = flop(sizes, batch) * -(-chains // ranks) / chains / speed
    if ranks == 1:
        return work
    waits, sent = messages(sizes, batch, ranks)
    return work + waits * latency + sent / rate


def trained(sizes, batch, steps, group):
    """Return the seconds per epoch of ``steps`` steps, and the parameters."""
    rng = np.random.default_rng(0)
    X = rng.random((batch * steps, sizes[0]), np.float32)
    y = rng.integers(sizes[-1], size=len(X))
    model = dc.mlp(sizes, seed=1)
    start = time.perf_counter()
    model.fit(X, y, dc.Adam(1e-3), epochs=1, batch_size=batch, threads=1, group=group)
    return time.perf_counter() - start, model.flat_parameters.copy()


def measure(group, rounds, seconds):
    """Return ``{(name, batch): (seconds of a step alone, together)}``, medians of the rounds.

    A step is a third of the difference between epochs of four and of one times as many: what begins and
    ends a run does not count.
    """
    found = {}
    for name, sizes in SIZES.items():
        for batch in BATCHES:
            steps = max(2, int(seconds * 5e10 / flop(sizes, batch)))
            alone, together = [], []
            for _ in range(rounds):
                if group.rank == 0:
                    short, one = trained(sizes, batch, steps, None)
                    long, _ = trained(sizes, batch, 4 * steps, None)
                    alone.append((long - short) / (3 * steps))
                group.broadcast(None)  # the others wait
                short, all_ranks = trained(sizes, batch, steps, group)
                long, _ = trained(sizes, batch, 4 * steps, group)
                together.append((long - short) / (3 * steps))
                if group.rank == 0 and not np.array_equal(one, all_ranks):
                    message = f"ranks: {name} with batches of {batch} has other parameters than one process"
                    raise SystemExit(message)
            found[name, batch] = (np.median(alone) if alone else 0.0, np.median(together))
    return found


def fitted(found, ranks):
    """Return the speed of a rank in each case, and latency and bytes per second of the messages."""
    speed = {case: flop(SIZES[case[0]], case[1]) / alone for case, (alone, _) in found.items()}
    rows, rest = [], []
    for (name, batch), (_, together) in found.items():
        work = predicted(SIZES[name], batch, ranks, speed[name, batch], 0, np.inf)
        weight = 1 / together  # relative errors count alike
        rows.append([weight * number for number in messages(SIZES[name], batch, ranks)])
        rest.append(weight * (together - work))
    (latency, per_byte), *_ = np.linalg.lstsq(np.array(rows), np.array(rest), rcond=None)
    return speed, max(latency, 0.0), 1 / max(per_byte, 1e-15)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of the shorter training by rank 0 alone")
    parser.add_argument("--messages", action="store_true", help="send messages instead of sharing memory")
    options = parser.parse_args(arguments)
    group = Group.mpi()
    if group.size < 2:
        raise SystemExit("ranks: start it with mpiexec -n 2 or more")
    if options.messages:
        group.memory = None
    found = measure(group, options.rounds, options.seconds)
    if group.rank > 0:
        return
    rows = [
        [name, str(batch), f"{1e3 * alone:.2f}", f"{1e3 * together:.2f}", f"{alone / together:.2f}"]
        for (name, batch), (alone, together) in found.items()
    ]
    head = ["network", "batch", "ms alone", f"ms, {group.size} ranks", "ratio"]
    if not options.messages:
        print(table(head, rows))
        return
    speed, latency, rate = fitted(found, group.size)
    for row, case in zip(rows, found, strict=True):
        name, batch = case
        row.append(f"{1e3 * predicted(SIZES[name], batch, group.size, speed[case], latency, rate):.2f}")
    print(table([*head, "model, ms"], rows))
    print(f"\nfitted: {1e6 * latency:.0f} us per message, {rate / 1e9:.2f} GB/s per rank\n")
    print(table(*prediction(speed)))


def prediction(speed):
    """Return head and rows of a table: seconds per 10^9 examples for more ranks and two networks."""
    rows = []
    for name, sizes in SIZES.items():
        for link, (latency, rate) in NETWORKS.items():
            own = speed[name, max(BATCHES)]
            for batch in (CHAIN * 64, CHAIN * 512):
                steps = 1e9 / batch
                one = steps * predicted(sizes, batch, 1, own, 0, np.inf)
                times = [steps * predicted(sizes, batch, ranks, own, latency, rate) for ranks in RANKS]
                cells = [f"{took / 60:.1f} ({one / took:.0f}x)" for took in times]
                rows.append([name, link, str(batch), f"{one / 60:.0f}", *cells])
    return ["network", "link", "batch", "1 rank, minutes", *(f"{ranks} ranks" for ranks in RANKS)], rows


if __name__ == "__main__":
    main()
