"""Compare RealMLP of deepcore with pytabkit's, and with boosted trees, on ten real tables.

    python benchmarks/tables.py --cache tables --results tables.json [--seeds 5] [--rows 5000]
    python benchmarks/tables.py --results tables.json --report

A seed draws the rows for training, validation and test; all libraries get the same. RealMLP learns from the
training rows and chooses its epoch by the validation rows; the others have no use for validation rows with
their defaults, and learn from both parts. Every library has its defaults and one thread. The results are
written after every fit, so a run that was stopped goes on where it was. Seeds are the outer loop.
"""

import argparse
import json
import logging
import os
import statistics
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import real_tables
from report import describe_machine, table
from threadpoolctl import threadpool_limits

OURS = {"deepcore td_s": "pytabkit TD_S", "deepcore td": "pytabkit TD"}
TREES = "HistGradientBoosting"
LEAST_ERROR = 0.01  # below it, a single wrong row is a large share of the error
TIMES = {
    "fit_seconds": "fit, seconds",
    "fit_cpu_seconds": "fit, CPU seconds",
    "one_row_seconds": "1 row, milliseconds",
    "thousand_rows_seconds": "1000 rows, milliseconds",
}


# Contestants: functions of the data, the seed and the number of epochs (None: the default) that return a
# fitted model with scikit-learn's interface. Libraries that are not installed can be left out.


def deepcore(variant):
    def fit(data, seed, epochs):
        from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor

        kind = RealMLPClassifier if data.classes else RealMLPRegressor
        model = kind(variant, n_threads=1, random_state=seed, n_epochs=epochs or 256)
        train, held = data.training, data.validation
        return model.fit(data.X.iloc[train], data.y[train], X_val=data.X.iloc[held], y_val=data.y[held])

    return fit


def pytabkit(variant):
    def fit(data, seed, epochs):
        from pytabkit.models.sklearn import sklearn_interfaces as interfaces

        kind = getattr(interfaces, f"RealMLP_{variant}_{'Classifier' if data.classes else 'Regressor'}")
        changes = {} if epochs is None else {"n_epochs": epochs}
        model = kind(device="cpu", n_threads=1, random_state=seed, **changes)
        return model.fit(data.X, data.y, val_idxs=data.validation)

    return fit


def hist_gradient_boosting(data, seed, epochs):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if data.classes else HistGradientBoostingRegressor
    return kind(random_state=seed, categorical_features="from_dtype").fit(data.X, data.y)


def mlp(data, seed, epochs):
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), data.categories),
        remainder=make_pipeline(SimpleImputer(), StandardScaler()),
    )
    kind = MLPClassifier if data.classes else MLPRegressor
    return make_pipeline(columns, kind(random_state=seed)).fit(data.X, data.y)


def lightgbm(data, seed, epochs):
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if data.classes else LGBMRegressor
    return kind(random_state=seed, n_jobs=1, verbosity=-1).fit(data.X, data.y)


def catboost(data, seed, epochs):
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostClassifier if data.classes else CatBoostRegressor
    model = kind(
        random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False,
        cat_features=data.categories,
    )  # fmt: skip
    return model.fit(data.X, data.y)


CONTESTANTS = {
    "deepcore td_s": deepcore("td_s"),
    "deepcore td": deepcore("td"),
    "pytabkit TD_S": pytabkit("TD_S"),
    "pytabkit TD": pytabkit("TD"),
    TREES: hist_gradient_boosting,
    "MLP of scikit-learn": mlp,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
}


# Measurements


def measure(name, data, seed, epochs):
    """Fit a contestant; return its test errors and seconds."""
    start, cpu = time.perf_counter(), cpu_seconds()
    model = CONTESTANTS[name](data, seed, epochs)
    found = {"fit_seconds": time.perf_counter() - start, "fit_cpu_seconds": cpu_seconds() - cpu}
    found |= errors(model, data)
    call = model.predict_proba if data.classes else model.predict
    found["one_row_seconds"] = median_seconds(call, data.X_test.iloc[:1], 7)
    found["thousand_rows_seconds"] = median_seconds(call, data.X_test.iloc[:1000].copy(), 3)
    return {key: float(f"{value:.6g}") for key, value in found.items()}


def cpu_seconds():
    """Return the processor time of this process and of children that have ended."""
    return sum(os.times()[:4])


def errors(model, data):
    """Return the share of wrong labels and the cross-entropy, or the RMSE relative to the target's spread."""
    if not data.classes:
        difference = np.ravel(model.predict(data.X_test)) - data.y_test
        return {"error": np.sqrt(np.mean(difference**2)) / data.y_test.std()}
    probabilities = np.asarray(model.predict_proba(data.X_test))
    own = probabilities[np.arange(len(data.y_test)), data.y_test]
    wrong = probabilities.argmax(axis=1) != data.y_test
    return {"error": wrong.mean(), "cross_entropy": -np.log(np.maximum(own, 1e-7)).mean()}


def median_seconds(call, rows, times):
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call(rows)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


# The file of results


def read_results(path, options):
    """Return the results so far; they must be of the same settings."""
    settings = {"rows": options.rows, "epochs": options.epochs, "threads": 1}
    if not path.exists():
        return {"machine": describe_machine(), **settings, "records": []}
    found = json.loads(path.read_text(encoding="utf-8"))
    if any(found[key] != value for key, value in settings.items()):
        raise SystemExit(f"tables: {path} has results of other settings than {settings}; name another file")
    return found


def write_results(path, results):
    """Write a JSON file with one record per line."""
    head = {key: value for key, value in results.items() if key != "records"}
    lines = ",\n".join(json.dumps(record) for record in results["records"])
    text = json.dumps(head)[:-1] + ', "records": [\n' + lines + "\n]}\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def run(options):
    """Measure what the file of results does not have yet."""
    results = read_results(options.results, options)
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are loaded from here on
    with threadpool_limits(1):  # for those that are loaded
        warm_up(options)
        run_seeds(results, options)


def run_seeds(results, options):
    done = {(record["seed"], record["table"], record["contestant"]) for record in results["records"]}
    for seed in range(options.seeds):
        for name in options.tables:
            missing = [who for who in options.contestants if (seed, name, who) not in done]
            data = real_tables.split(*real_tables.read(name, options.cache), options.rows, seed)
            for who in missing:
                found = measure(who, data, seed, options.epochs)
                results["records"].append({"table": name, "seed": seed, "contestant": who, **found})
                write_results(options.results, results)
                print(f"{seed} {name}, {who}: {found}", flush=True)


def warm_up(options):
    """Fit every contestant once on a few rows, because imports do not count."""
    data = real_tables.split(*real_tables.read("Default", options.cache), 200, 0)
    for who in options.contestants:
        measure(who, data, 0, 1)


# The report


def report(results):
    """Return tables in Markdown: mean errors, differences from pytabkit, wins, and median seconds."""
    records = complete(results["records"])
    names = list(dict.fromkeys(record["table"] for record in records))
    who = [name for name in CONTESTANTS if any(record["contestant"] == name for record in records)]
    values = {
        key: {(r["contestant"], r["table"], r["seed"]): r[key] for r in records if key in r}
        for key in ("error", "cross_entropy", *TIMES)
    }
    parts = ["Mean error:", mean_table(values["error"], who, names)]
    parts += ["Mean cross-entropy:", mean_table(values["cross_entropy"], who, names)]
    parts += ["Difference from pytabkit +- its standard error:", paired_table(values["error"], names)]
    parts += wins(values["error"], who, names)
    rows = [
        [title, *(shown_time(key, [v for k, v in values[key].items() if k[0] == name]) for name in who)]
        for key, title in TIMES.items()
    ]
    parts += ["Medians over all fits, one thread:", table(["", *who], rows)]
    return "\n\n".join(parts)


def complete(records):
    """Return the records of the tables and seeds that all contestants have, if the run was stopped."""
    count = len({record["contestant"] for record in records})
    found = Counter((record["table"], record["seed"]) for record in records)
    return [record for record in records if found[record["table"], record["seed"]] == count]


def mean_table(values, who, names):
    rows = []
    for name in names:
        means = [mean_of(values, one, name) for one in who]
        if None not in means:  # a regression has no cross-entropy
            rows.append([name, *(f"**{m:.4f}**" if m == min(means) else f"{m:.4f}" for m in means)])
    return table(["", *who], rows)


def mean_of(values, who, name):
    found = [value for key, value in values.items() if key[:2] == (who, name)]
    return statistics.fmean(found) if found else None


def differences(values, ours, theirs, name):
    """Return our error minus theirs for every seed that both have."""
    return [
        value - values[theirs, name, seed]
        for (who, place, seed), value in values.items()
        if (who, place) == (ours, name) and (theirs, name, seed) in values
    ]


def with_error(numbers, form):
    """Return a mean and its standard error as text; nothing if there are too few numbers."""
    if len(numbers) < 2:
        return ""
    spread = statistics.stdev(numbers) / len(numbers) ** 0.5
    return f"{statistics.fmean(numbers):+{form}} +- {spread:{form}}"


def paired_table(values, names):
    """Return the differences of each table, and of all tables relative to the mean error of pytabkit.

    Tables whose mean error is below ``LEAST_ERROR`` do not count in the last row.
    """
    rows, relative = [], [[] for _ in OURS]
    for name in names:
        row = [differences(values, ours, theirs, name) for ours, theirs in OURS.items()]
        rows.append([name, *(with_error(found, ".4f") for found in row)])
        for total, found, theirs in zip(relative, row, OURS.values(), strict=True):
            mean = mean_of(values, theirs, name)
            total.extend(difference / mean for difference in found if mean >= LEAST_ERROR)
    rows.append(["all, relative", *(with_error(total, ".1%") for total in relative)])
    return table(["", *(f"{ours} - {theirs}" for ours, theirs in OURS.items())], rows)


def wins(values, who, names):
    """Return a sentence per RealMLP: on how many tables its mean error is below that of boosted trees."""
    for one in (*OURS, *OURS.values()):
        if one in who and TREES in who:
            won = [name for name in names if mean_of(values, one, name) < mean_of(values, TREES, name)]
            yield f"{one} is better than {TREES} on {len(won)} of {len(names)} tables: {', '.join(won)}."


def shown_time(key, seconds):
    scale = 1e3 if key in ("one_row_seconds", "thousand_rows_seconds") else 1
    return f"{statistics.median(seconds) * scale:.3g}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, required=True, help="JSON file that is written and read")
    parser.add_argument("--cache", type=Path, help="folder for the downloaded packages")
    parser.add_argument("--report", action="store_true", help="print the results and do nothing else")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5000, help="most rows for training and validation")
    parser.add_argument("--epochs", type=int, help="epochs of RealMLP, to try the program")
    parser.add_argument("--tables", nargs="+", choices=real_tables.TABLES, default=[*real_tables.TABLES])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=[*CONTESTANTS])
    options = parser.parse_args(arguments)
    if options.report:
        print(report(json.loads(options.results.read_text(encoding="utf-8"))))
        return
    if options.cache is None:
        parser.error("--cache must name a folder for the downloaded packages")
    options.cache.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # lightning writes lines for every prediction
    run(options)


if __name__ == "__main__":
    main()
