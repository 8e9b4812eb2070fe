"""IDX and HDF5 files are read strictly; unrolled images have the documented order."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from builders import idx_bytes, write_idx_folder
from deepcore.data import images_to_columns, images_to_rows, load_cats, load_digits, load_idx, read_idx


@pytest.fixture
def idx_folder(tmp_path):
    """Four tiny files: 5 training and 3 test images of 2 x 3 pixels; the images gzipped, the labels not."""
    train, test = ((np.arange(m * 6, dtype=np.uint8).reshape(m, 2, 3), np.arange(m) % 3) for m in (5, 3))
    return write_idx_folder(tmp_path, train, test)


def test_interleaved_order_keeps_the_channels_of_a_pixel_together():
    image = np.array([[["r00", "g00", "b00"], ["r01", "g01", "b01"]]])
    assert images_to_rows(image[None])[0].tolist() == ["r00", "g00", "b00", "r01", "g01", "b01"]


def test_planes_order_puts_all_red_values_first():
    image = np.array([[["r00", "g00", "b00"], ["r01", "g01", "b01"]]])
    assert images_to_rows(image[None], channel="first")[0].tolist() == [
        "r00",
        "r01",
        "g00",
        "g01",
        "b00",
        "b01",
    ]


def test_columns_are_the_transposed_rows_and_share_memory():
    images = np.arange(2 * 3 * 4 * 3).reshape(2, 3, 4, 3)
    columns = images_to_columns(images)
    np.testing.assert_array_equal(columns, images.reshape(2, -1).T)
    assert np.shares_memory(columns, images)


def test_both_orders_agree_for_grey_images():
    images = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(images_to_rows(images, "first"), images_to_rows(images, "last"))


def test_unrolling_no_images_gives_no_rows():
    assert images_to_rows(np.zeros((0, 4, 4, 3))).shape == (0, 48)


def test_one_flat_image_is_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"got shape \(64, 64\); for one image pass image\[None\]"):
        images_to_rows(np.zeros((64, 64)))


def test_an_unknown_channel_order_is_refused():
    with pytest.raises(ValueError, match="channel must be 'last' or 'first', got 'middle'"):
        images_to_rows(np.zeros((1, 2, 2)), channel="middle")


def test_the_digits_are_1797_images_of_64_pixels_up_to_16():
    X, y = load_digits()
    assert (X.shape, X.dtype, int(X.max())) == ((1797, 64), np.uint8, 16)
    assert (y.dtype, np.bincount(y).tolist()) == (
        np.int64,
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
    )


def test_the_digits_are_the_bytes_of_the_original(data_file):
    X, y = load_digits()
    with np.load(data_file("digits", "digits.npz")) as original:
        np.testing.assert_array_equal(X, original["images"].reshape(1797, 64))
        np.testing.assert_array_equal(y, original["labels"])


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_an_idx_file_is_read_back(tmp_path, shape, compress):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "file").write_bytes(compress(idx_bytes(array)))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file, it begins with nothing"),
        (b"P5 64 64 255", "is not an IDX file, it begins with 50 35 20 36"),
        (b"\0\0\x0d\x01\0\0\0\0", "must hold unsigned bytes .type 08., got type 0d"),
        (b"\0\0\x08\x03\0\0\0\x01\0\0", "ends inside its header"),
        (idx_bytes([1, 2, 3])[:-1], "more than a file of 10 bytes can hold|3 bytes, but holds 2"),
        (idx_bytes([1, 2, 3]) + b"\0", "3 bytes, but holds more"),
        (gzip.compress(idx_bytes([1, 2, 3])[:-1]), "3 bytes, but holds 2"),
        (gzip.compress(idx_bytes(np.zeros(999)))[:-20], "is not a valid gzip file"),
        (gzip.compress(b"")[:10] + b"\xff" * 30, "is not a valid gzip file"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "more than a file of 16 bytes can hold"),
        (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "can hold"),
    ],
    ids=[
        "empty",
        "other",
        "float",
        "header",
        "short",
        "long",
        "short gz",
        "cut gz",
        "bad gz",
        "huge",
        "huge gz",
    ],
)
def test_a_wrong_idx_file_is_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "file")


def test_an_idx_folder_gives_rows_and_int64_labels(idx_folder):
    X_train, y_train, X_test, y_test = load_idx(idx_folder)
    np.testing.assert_array_equal(X_train, np.arange(30).reshape(5, 6))
    assert (X_train.dtype, y_train.dtype) == (np.uint8, np.int64)
    assert (X_test.shape, y_train.tolist(), y_test.tolist()) == ((3, 6), [0, 1, 2, 0, 1], [0, 1, 2])


def test_a_dot_before_idx_is_accepted(idx_folder):
    for file in idx_folder.iterdir():
        file.rename(idx_folder / file.name.replace("-idx", ".idx"))
    assert load_idx(idx_folder)[0].shape == (5, 6)


def test_a_relative_folder_is_found_in_deepcore_data(idx_folder, monkeypatch):
    monkeypatch.setenv("DEEPCORE_DATA", str(idx_folder.parent))
    monkeypatch.chdir("/")
    assert load_idx(idx_folder.name)[0].shape == (5, 6)


def test_a_missing_folder_names_the_environment_variable(tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPCORE_DATA", raising=False)
    with pytest.raises(
        FileNotFoundError, match="is not a folder; the environment variable DEEPCORE_DATA can name"
    ):
        load_idx(tmp_path / "nothing")


def test_a_missing_file_is_named(idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="does not have the file t10k-labels-idx1-ubyte"):
        load_idx(idx_folder)


def test_images_and_labels_must_be_equal_in_number(idx_folder):
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes([1, 2]))
    with pytest.raises(ValueError, match="holds 5 images and train-labels-idx1-ubyte 2 labels"):
        load_idx(idx_folder)


def test_labels_in_the_place_of_images_are_refused(idx_folder):
    (idx_folder / "train-images-idx3-ubyte.gz").write_bytes(idx_bytes([1, 2, 3, 4, 5]))
    with pytest.raises(ValueError, match="must have 3 axes"):
        load_idx(idx_folder)


def test_train_and_test_images_must_have_one_size(idx_folder):
    (idx_folder / "t10k-images-idx3-ubyte.gz").write_bytes(idx_bytes(np.zeros((3, 4, 4))))
    with pytest.raises(ValueError, match=r"train images are \(2, 3\) and test images \(4, 4\)"):
        load_idx(idx_folder)


# Facts about the original files, computed once with an independent reader.
@pytest.mark.parametrize(
    ("folder", "first", "total", "row14"),
    [
        (
            "mnist",
            [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
            1567298545,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "fashion",
            [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
            3431114169,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
    ],
)
def test_the_original_idx_files_hold_the_published_pixels(data_file, folder, first, total, row14):
    images = data_file(folder, "train-images-idx3-ubyte.gz")
    X_train, y_train, X_test, y_test = load_idx(images.parent)
    assert (X_train.shape, X_test.shape, y_test.shape) == ((60000, 784), (10000, 784), (10000,))
    assert (y_train[:10].tolist(), int(X_train.sum(dtype=np.int64))) == (first, total)
    raw = struct.pack(">4I", 0x803, 60000, 28, 28) + X_train.tobytes()
    assert hashlib.sha256(raw).hexdigest() == row14


@pytest.fixture
def cat_folder(tmp_path):
    """Two HDF5 files as the course's, with made-up pixels: 4 training and 2 test images of 2 x 2."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    for part, m in (("train", 4), ("test", 2)):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = np.arange(m * 12, dtype=np.uint8).reshape(m, 2, 2, 3)
            file[f"{part}_set_y"] = np.arange(m) % 2
    return tmp_path


def test_cat_files_are_read_interleaved_unless_asked_otherwise(cat_folder):
    X_train, y_train, X_test, _ = load_cats(cat_folder)
    np.testing.assert_array_equal(X_train, np.arange(48).reshape(4, 12))
    assert (X_train.dtype, y_train.tolist(), X_test.shape) == (np.uint8, [0, 1, 0, 1], (2, 12))
    planes = load_cats(cat_folder, channel="first")[0]
    assert planes[0].tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]


def test_a_cat_file_that_is_no_hdf5_is_refused(cat_folder):
    (cat_folder / "test_catvnoncat.h5").write_bytes(b"not HDF5")
    with pytest.raises(ValueError, match="is not a valid HDF5 file"):
        load_cats(cat_folder)


def test_a_cat_file_without_its_array_is_refused(cat_folder):
    (cat_folder / "train_catvnoncat.h5").write_bytes((cat_folder / "test_catvnoncat.h5").read_bytes())
    with pytest.raises(ValueError, match="does not have the array train_set_x, only test_set_x, test_set_y"):
        load_cats(cat_folder)


def test_cat_labels_must_be_0_or_1(cat_folder):
    import h5py

    with h5py.File(cat_folder / "test_catvnoncat.h5", "a") as file:
        file["test_set_y"][:] = 2
    with pytest.raises(ValueError, match="must be 2 labels 0 or 1"):
        load_cats(cat_folder)


def test_the_cat_images_of_the_course_begin_with_the_published_pixels(data_file):
    pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    folder = data_file("cat", "train_catvnoncat.h5").parent
    X_train, y_train, X_test, y_test = load_cats(folder)
    assert (X_train.shape, X_test.shape) == ((209, 12288), (50, 12288))
    assert (int(y_train.sum()), int(y_test.sum())) == (72, 33)
    assert X_train[0, :5].tolist() == [17, 31, 56, 22, 33]
    assert X_train[1, :10].tolist() == [196, 192, 190, 193, 186, 182, 188, 179, 174, 213]
    assert X_test[1, :10].tolist() == [115, 110, 111, 137, 129, 129, 155, 146, 145, 159]


def test_every_damaged_cat_file_is_read_or_refused(tmp_path, rng):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    for part in ("train", "test"):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = np.zeros((6, 4, 4, 3), "u1")
            file[f"{part}_set_y"] = np.arange(6) % 2
    path = tmp_path / "train_catvnoncat.h5"
    good = path.read_bytes()
    refused = 0
    for _ in range(200):
        content = bytearray(good)
        content[rng.integers(min(len(content), 2000))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            load_cats(tmp_path)
        except (ValueError, OSError):
            refused += 1
    assert refused > 0


def test_a_cat_file_that_declares_far_more_than_it_holds_is_refused_unread(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    with h5py.File(tmp_path / "train_catvnoncat.h5", "w") as file:
        file.create_dataset("train_set_x", (10**9, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
        file["train_set_y"] = np.zeros(4)
    with pytest.raises(ValueError, match="which is more than a file of"):
        load_cats(tmp_path)


def test_rows_of_pixels_are_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"images_to_columns: images must be .* X\.T has them as columns"):
        images_to_columns(np.zeros((209, 12288), np.uint8))
