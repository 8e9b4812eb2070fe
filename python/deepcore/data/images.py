"""Images: the digits of the package, IDX files (MNIST, Fashion-MNIST), and the course's cat images.

The course is Andrew Ng's "Neural Networks and Deep Learning".

Loaders return ``(X_train, y_train, X_test, y_test)`` with one example per row: X uint8 (m, n_x), y int64
(m,). Pixels keep their values (0 to 255); divide by 255 before training. If a relative folder does not
exist, it is searched for in the folder that the environment variable ``DEEPCORE_DATA`` names.

Channel order of colour images (m, height, width, channels):

- ``channel="last"`` keeps the row-major order of the file. The channels of a pixel are neighbours: R G B of
  pixel (0, 0), then of (0, 1), ... This is ``reshape(m, -1)``, the order of the course's assignments and of
  their published numbers.
- ``channel="first"`` puts all red values first, then all green ones, then all blue ones, each row-major. This
  is the order of the course's lectures.

A dense network learns equally well in both orders. Its first weights, and a saved model, belong to the order
that it was trained with.
"""

import gzip
import math
import os
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks
from deepcore._regular import open_regular
from deepcore.typing import Array

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Split = tuple[Pixels, Labels, Pixels, Labels]
Channel = Literal["last", "first"]

DIGITS_MAXIMUM = 16
CAT_CLASSES = ("non-cat", "cat")

_IDX_UNSIGNED_BYTE = 0x08
# Deflate cannot shrink by more than this factor, so a larger declared size is wrong (zlib's technical notes).
_DEFLATE_RATIO = 1032


def locate(path: str | os.PathLike[str]) -> Path:
    """Return the path itself, or the one in ``DEEPCORE_DATA`` if it is relative and does not exist."""
    path = Path(path)
    root = os.environ.get("DEEPCORE_DATA")
    if root and not path.exists() and not path.is_absolute() and (Path(root) / path).exists():
        return Path(root) / path
    return path


def find_folder(who: str, folder: str | os.PathLike[str]) -> Path:
    """Return the folder itself, or the one of that name inside ``DEEPCORE_DATA``.

    Raises:
        FileNotFoundError: If neither exists.
    """
    path = locate(folder)
    if path.is_dir():
        return path
    root = os.environ.get("DEEPCORE_DATA")
    hint = (
        f"it is not in DEEPCORE_DATA={root} either"
        if root
        else "the environment variable DEEPCORE_DATA can name the folder in which to search"
    )
    raise FileNotFoundError(f"{who}: {path} is not a folder; {hint}")


def load_digits() -> tuple[Pixels, Labels]:
    """Load 1797 handwritten digits of 8 x 8 pixels, which are part of the package.

    Returns:
        X: uint8, shape (1797, 64), values from 0 to 16.
        y: int64, shape (1797,), the digits.

    Source: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI, CC BY 4.0 (see
    DIGITS.md).
    """
    with (resources.files(__package__) / "digits.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["X"], arrays["y"].astype(np.int64)


def images_to_rows(images: Array, channel: Channel = "last") -> Array:
    """Unroll every image into a row: (m, h, w) or (m, h, w, c) -> (m, n_x).

    Args:
        images: Grey images (m, h, w) or colour images (m, h, w, c), any dtype; one image is ``image[None]``.
        channel: ``"last"`` interleaves the channels, ``"first"`` puts them one after the other (see the
            module's text).

    Returns:
        Array of shape (m, h * w * c); a view for ``"last"`` and a C-ordered input.

    Raises:
        ValueError: If images does not have 3 or 4 axes, or channel is unknown.
    """
    return _rows("images_to_rows", images, channel)


def _rows(who: str, images: Array, channel: Channel) -> Array:
    images = np.asarray(images)
    if images.ndim not in (3, 4):
        hint = "for one image pass image[None]"
        if images.ndim == 2:
            hint += "; if the images are rows already, X.T has them as columns"
        raise ValueError(f"{who}: images must be (m, h, w) or (m, h, w, c), got shape {images.shape}; {hint}")
    if channel not in ("last", "first"):
        raise ValueError(f"{who}: channel must be 'last' or 'first', got {channel!r}")
    if channel == "first" and images.ndim == 4:
        images = images.transpose(0, 3, 1, 2)
    return images.reshape(images.shape[0], math.prod(images.shape[1:]))


def images_to_columns(images: Array, channel: Channel = "last") -> Array:
    """Unroll every image into a column, as the course writes X: (m, h, w) or (m, h, w, c) -> (n_x, m).

    This is the transpose of ``images_to_rows`` (same arguments), and shares its memory.
    """
    return _rows("images_to_columns", images, channel).T


def read_idx(path: str | os.PathLike[str]) -> Pixels:
    """Read one IDX file of unsigned bytes, gzipped or not.

    Args:
        path: A file with the magic number 00 00 08 n, then n sizes (big-endian, 4 bytes each), then the bytes
            themselves.

    Returns:
        uint8 array with the n declared axes.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the magic number, the sizes or the number of bytes is wrong, or the compressed data are
            damaged.
    """
    path = Path(path)
    with open_regular(path) as probe:
        size = os.fstat(probe.fileno()).st_size
        gzipped = probe.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[3] == 0:
                raise ValueError(
                    f"read_idx: {path} is not an IDX file, it begins with {magic.hex(' ') or 'nothing'}"
                )
            if magic[2] != _IDX_UNSIGNED_BYTE:
                raise ValueError(
                    f"read_idx: {path} must hold unsigned bytes (type 08), got type {magic[2]:02x}"
                )
            axes = magic[3]
            header = file.read(4 * axes)
            if len(header) < 4 * axes:
                raise ValueError(f"read_idx: {path} ends inside its header")
            shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, 4 * axes, 4))
            count = math.prod(shape)
            # Before reading: a wrong header must not make us reserve gigabytes.
            if count > size * (_DEFLATE_RATIO if gzipped else 1):
                raise ValueError(
                    f"read_idx: {path} declares the shape {shape}, which is more than a file of {size} bytes "
                    "can hold"
                )
            body = file.read(count + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"read_idx: {path} is not a valid gzip file: {error}") from error
    if len(body) != count:
        found = "more" if len(body) > count else str(len(body))
        raise ValueError(
            f"read_idx: {path} declares the shape {shape}, which is {count} bytes, but holds {found}"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def load_idx(folder: str | os.PathLike[str]) -> Split:
    """Read a folder with the four files of MNIST or Fashion-MNIST, gzipped or not.

    Args:
        folder: Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same with ``t10k``;
            each may end in ``.gz``, and a dot may stand before ``idx``.

    Returns:
        ``(X_train, y_train, X_test, y_test)``: X uint8 (m, height * width) row-major, y int64 (m,).

    Raises:
        FileNotFoundError: If the folder or one of the files is missing.
        ValueError: If a file is damaged, or images and labels differ in number, or the two parts in image
            size.
    """
    root = find_folder("load_idx", folder)
    parts: list[tuple[Pixels, Labels]] = []
    for part in ("train", "t10k"):
        images_path = _idx_file(root, f"{part}-images", "idx3-ubyte")
        labels_path = _idx_file(root, f"{part}-labels", "idx1-ubyte")
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.ndim != 3 or labels.ndim != 1:
            raise ValueError(
                f"load_idx: {images_path.name} must have 3 axes and {labels_path.name} 1, "
                f"got {images.ndim} and {labels.ndim}"
            )
        if len(images) != len(labels) or len(images) == 0:
            raise ValueError(
                f"load_idx: {images_path.name} holds {len(images)} images and "
                f"{labels_path.name} {len(labels)} labels; the two numbers must be equal and not zero"
            )
        parts.append((images, labels.astype(np.int64)))
    (train, y_train), (test, y_test) = parts
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(f"load_idx: train images are {train.shape[1:]} and test images {test.shape[1:]}")
    return images_to_rows(train), y_train, images_to_rows(test), y_test


def is_idx_folder(folder: Path) -> bool:
    """Whether the folder holds training images in IDX format."""
    return any(folder.glob("train-images[.-]idx3-ubyte*"))


def _idx_file(root: Path, stem: str, kind: str) -> Path:
    for name in (f"{stem}-{kind}", f"{stem}.{kind}"):
        for path in (root / name, root / f"{name}.gz"):
            if path.is_file():
                return path
    raise FileNotFoundError(f"load_idx: {root} does not have the file {stem}-{kind} (or {stem}-{kind}.gz)")


def load_cats(folder: str | os.PathLike[str] = "cat", channel: Channel = "last") -> Split:
    """Read the cat / non-cat images of the course: ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``.

    Args:
        folder: Holds the two files. They are not part of this package.
        channel: Order in which an image is unrolled (see the module's text); the published numbers belong to
            ``"last"``.

    Returns:
        ``(X_train, y_train, X_test, y_test)``: X uint8 (209, 12288) and (50, 12288), y int64, 1 for a cat.

    Raises:
        ImportError: If h5py is missing (``pip install "deepcore-nn[data]"``).
        FileNotFoundError: If the folder or a file is missing.
        ValueError: If a file is not a valid HDF5 file, or its arrays are not as described.
    """
    root = find_folder("load_cats", folder)
    X_train, y_train = _read_cats(root / "train_catvnoncat.h5", "train", channel)
    X_test, y_test = _read_cats(root / "test_catvnoncat.h5", "test", channel)
    if X_train.shape[1] != X_test.shape[1]:
        raise ValueError(
            f"load_cats: train images have {X_train.shape[1]} values and test images {X_test.shape[1]}"
        )
    return X_train, y_train, X_test, y_test


def _read_cats(path: Path, part: str, channel: Channel) -> tuple[Pixels, Labels]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError('load_cats: HDF5 files need h5py; pip install "deepcore-nn[data]"') from error
    if not path.is_file():
        raise FileNotFoundError(f"load_cats: {path.parent} does not have the file {path.name}")
    size = path.stat().st_size
    try:
        with h5py.File(path, "r") as file:
            images, labels = (
                _read_dataset(path, file, name, size) for name in (f"{part}_set_x", f"{part}_set_y")
            )
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError) as error:
        # the HDF5 library raises any of these for a damaged file
        text = str(error)
        if text.startswith("load_cats: "):
            raise
        raise ValueError(f"load_cats: {path} is not a valid HDF5 file: {text:.200}") from error
    labels = labels.reshape(-1)
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) == 0:
        raise ValueError(
            f"load_cats: {part}_set_x must be uint8 (m, h, w, channels), got {images.dtype} {images.shape}"
        )
    if len(labels) != len(images) or not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"load_cats: {part}_set_y must be {len(images)} labels 0 or 1, got shape {labels.shape}"
        )
    return images_to_rows(images, channel), labels.astype(np.int64)


def _read_dataset(path: Path, file: Any, name: str, size: int) -> Array:
    """One array of an HDF5 file; its header is checked before any memory is reserved for it."""
    if name not in file:
        names = _checks.first_names(list(file)) or "nothing"
        raise ValueError(f"load_cats: {path} does not have the array {name}, only {names}")
    dataset = file[name]
    if not hasattr(dataset, "nbytes") or dataset.dtype.kind not in "biuf":
        raise ValueError(f"load_cats: {name} in {path} must be an array of numbers")
    if dataset.nbytes > size * _DEFLATE_RATIO:
        raise ValueError(
            f"load_cats: {name} in {path} declares the shape {dataset.shape}, which is more than a file of "
            f"{size} bytes can hold"
        )
    return np.asarray(dataset)
