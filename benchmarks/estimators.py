"""Compare the speed and the scores of deepcore's estimators with those of scikit-learn.

    python benchmarks/estimators.py [--rounds 5] [--seconds 1.0]
    python benchmarks/estimators.py --rounds 0 --seeds 10         # scores only

Both libraries fit the same estimator with the same random_state, and the losses are compared before
anything is timed. In each round, scikit-learn and deepcore take turns with a pause between them, because
the threads of OpenBLAS spin after a call and would slow down the next one. A prediction is one row. Scores
are the mean and the spread over seeds on held-out data; a seed determines the split, the first weights and
the orders in both. The case "fashion" reads Fashion-MNIST from the folder in DEEPCORE_DATA.
"""

import argparse
import sys
import time
import warnings
from functools import partial

import numpy as np
from report import describe_machine, table
from sklearn import neural_network as theirs
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from deepcore import sklearn as ours
from deepcore.bench import format_seconds, summary
from deepcore.data import load_idx

PAUSE = 0.25  # seconds; the threads of OpenBLAS sleep after about 0.1 s


def synthetic(m, n, seed=0):
    """Return n features and a smooth function of them with noise, like a table of house prices."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    return X, np.sin(X @ rng.standard_normal(n)) + 0.3 * X[:, 0] + 0.1 * rng.standard_normal(m)


def images(m=4000, seed=0):
    """Return m noisy copies of ten prototypes with 784 pixels, and their classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(10, size=m)
    return rng.standard_normal((10, 784))[y] * 0.3 + rng.standard_normal((m, 784)), y


def fashion(m=10000):
    """Return the first m training images of Fashion-MNIST and their classes."""
    X, y = load_idx("fashion")[:2]
    return X[:m].reshape(m, -1) / 255, y[:m]


# name: (class, data, settings); images and wide spend most of their time in products
CASES = {
    "iris": ("MLPClassifier", lambda: load_iris(return_X_y=True), {}),
    "breast_cancer": ("MLPClassifier", lambda: load_breast_cancer(return_X_y=True), {}),
    "digits": ("MLPClassifier", lambda: load_digits(return_X_y=True), {}),
    "diabetes": ("MLPRegressor", lambda: load_diabetes(return_X_y=True), {}),
    "houses": ("MLPRegressor", lambda: synthetic(20000, 8), {}),
    "images": ("MLPClassifier", images, {"hidden_layer_sizes": (512, 256)}),
    "wide": ("MLPRegressor", lambda: synthetic(2000, 256), {"hidden_layer_sizes": (1024, 1024)}),
    "fashion": ("MLPClassifier", fashion, {"max_iter": 20}),
}


def prepare(name, dtype):
    kind, data, settings = CASES[name]
    X, y = data()
    X = StandardScaler().fit_transform(X).astype(dtype)
    if kind == "MLPRegressor":
        y = ((y - y.mean()) / y.std()).astype(dtype)
    return kind, X, y, settings


def fit_both(name, dtype, epochs, rounds):
    """Return the seconds per epoch of scikit-learn and of deepcore; their losses must agree."""
    kind, X, y, settings = prepare(name, dtype)
    settings = {**settings, "max_iter": epochs, "n_iter_no_change": 10**6, "random_state": 1}
    times, curves = {}, {}
    for number in range(rounds + 1):  # the first round is a warm-up
        for who, module in (("scikit-learn", theirs), ("deepcore", ours)):
            estimator = getattr(module, kind)(**settings)
            time.sleep(PAUSE)
            start = time.perf_counter()
            estimator.fit(X, y)
            spent = (time.perf_counter() - start) / epochs
            if number:
                times.setdefault(who, []).append(spent)
            curves[who] = estimator.loss_curve_
        if number == 0:
            compare(name, dtype, curves)
    return summary(times["scikit-learn"]), summary(times["deepcore"])


def compare(name, dtype, curves):
    bound = 1e-6 if dtype == "float64" else 2e-2
    first = [np.array(curve[:20]) for curve in curves.values()]
    worst = np.abs(first[0] / first[1] - 1).max()
    if not worst < bound:
        raise SystemExit(f"estimators: losses of {name} in {dtype} differ by {worst:.1e}; nothing is timed")


def predict_both(name, dtype, seconds):
    """Return the seconds of predict_proba (or predict) for one row."""
    kind, X, y, settings = prepare(name, dtype)
    found = []
    for module in (theirs, ours):
        estimator = getattr(module, kind)(**{**settings, "max_iter": 2, "random_state": 1}).fit(X, y)
        call = estimator.predict_proba if kind == "MLPClassifier" else estimator.predict
        row, times = X[:1], []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            for _ in range(50):
                call(row)
            times.append((time.perf_counter() - start) / 50)
        found.append(summary(times))
    return found


def score_both(name, seeds):
    """Return the scores on the held-out quarter of the data, by estimator and seed."""
    kind, X, y, settings = prepare(name, "float64")
    its, mine = getattr(theirs, kind), getattr(ours, kind)
    makers = {"scikit-learn": its, "deepcore": mine, "deepcore, float32": partial(mine, dtype="float32")}
    scores = {who: [] for who in makers}
    for seed in range(seeds):
        A, B, a, b = train_test_split(X, y, random_state=seed)
        for who, make in makers.items():
            scores[who].append(make(random_state=seed, **settings).fit(A, a).score(B, b))
    return scores


def shown(measured):
    return f"{format_seconds(measured['median'])} +- {measured['mad'] / measured['median']:.1%}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = [name for name in CASES if name != "fashion"]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=usual)
    parser.add_argument("--dtypes", nargs="+", choices=["float32", "float64"], default=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5, help="number of timed fits of each; 0: none")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of one fit of scikit-learn")
    parser.add_argument("--seeds", type=int, default=0, help="number of seeds for the scores; 0: none")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)
    machine = describe_machine()
    print(f"- {machine['cpu']}, {machine['cores']} cores, {machine['system']}")
    print(f"- {', '.join(f'{name} {version}' for name, version in machine['versions'].items())}")
    print(f"- {machine['date']}, `{machine['command']}`, load before {machine['load_before'][0]:.2f}\n")
    rows = []
    for name in options.cases:
        for dtype in options.dtypes if options.rounds else ():
            once, _ = fit_both(name, dtype, 2, 1)
            epochs = int(np.clip(options.seconds / once["median"], 5, 1000))
            its, mine = fit_both(name, dtype, epochs, options.rounds)
            p_its, p_mine = predict_both(name, dtype, min(options.seconds, 0.2))
            rows.append(
                [
                    f"{name} {dtype}", shown(its), shown(mine), f"**{its['median'] / mine['median']:.1f}**",
                    shown(p_its), shown(p_mine), f"**{p_its['median'] / p_mine['median']:.1f}**",
                ]
            )  # fmt: skip
    head = [
        "data",
        "scikit-learn, per epoch",
        "deepcore",
        "ratio",
        "scikit-learn, one row",
        "deepcore",
        "ratio",
    ]
    if rows:
        print(table(head, rows))
    if options.seeds:
        rows = []
        for name in options.cases:
            found = score_both(name, options.seeds)
            shares = [f"{np.mean(scores):.4f} +- {np.std(scores):.4f}" for scores in found.values()]
            rows.append([name, *shares])
        print("\n" + table(["score", *found], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
