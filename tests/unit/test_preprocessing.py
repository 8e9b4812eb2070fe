"""Standardising, label maps, one-hot rows and the seeded split."""

import json

import numpy as np
import pytest

from deepcore import _core
from deepcore.data import LabelMap, Standardizer, one_hot, split_indices, train_test_split


def test_standardised_columns_have_mean_0_and_deviation_1(rng):
    X = rng.normal(5.0, 3.0, (200, 4))
    Z = Standardizer.fit(X).transform(X)
    # Sums of 200 rounded numbers: a few hundred ulps at the very most.
    np.testing.assert_allclose(Z.mean(axis=0), 0.0, atol=1e-13)
    np.testing.assert_allclose(Z.std(axis=0), 1.0, atol=1e-13)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3e11, 1e-300])
def test_a_constant_column_becomes_0_and_stays_0_in_later_data(value):
    standardizer = Standardizer.fit(np.array([[value, 1.0], [value, 2.0], [value, 3.0]]))
    assert standardizer.constant.tolist() == [0]
    assert standardizer.transform([[12345.0, 2.0]]).tolist() == [[0.0, 0.0]]


def test_a_column_that_varies_below_the_smallest_normal_number_counts_as_constant():
    assert Standardizer.fit([[1e-310], [2e-310]]).constant.tolist() == [0]


def test_a_constant_column_comes_back_from_the_inverse():
    X = np.array([[0.1, 1.0], [0.1, 2.0]])
    standardizer = Standardizer.fit(X)
    np.testing.assert_allclose(standardizer.inverse_transform(standardizer.transform(X)), X, rtol=1e-15)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_huge_and_tiny_columns_neither_overflow_nor_vanish(factor):
    Z = Standardizer.fit(np.array([[1.0], [2.0], [3.0]]) * factor).transform([[3 * factor]])
    np.testing.assert_allclose(Z, np.sqrt(1.5), rtol=1e-14)


def test_one_scale_for_all_columns_divides_every_pixel():
    pixels = np.array([[0, 51, 255]], np.uint8)
    scaled = Standardizer([0.0], [255.0]).transform(pixels, dtype=np.float32)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, (pixels / 255).astype(np.float32))


def test_many_rows_are_transformed_as_few_are(rng):
    X = rng.normal(size=(10_000, 2))  # more than two blocks
    standardizer = Standardizer.fit(X)
    np.testing.assert_array_equal(standardizer.transform(X)[9_000:], standardizer.transform(X[9_000:]))


def test_transform_leaves_its_input_alone():
    X = np.array([[1.0], [3.0]])
    Standardizer.fit(X).transform(X)
    assert X.tolist() == [[1.0], [3.0]]


def test_a_standardizer_comes_back_from_json_bit_for_bit(rng):
    X = rng.normal(size=(30, 5))
    before = Standardizer.fit(X)
    after = Standardizer.from_dict(json.loads(json.dumps(before.to_dict())))
    np.testing.assert_array_equal(after.transform(X), before.transform(X))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Standardizer.fit([[1.0], [np.nan]]), r"X must be finite, got X\[1, 0\] = nan"),
        (lambda: Standardizer.fit(np.zeros((0, 3))), r"at least one value, got shape \(0, 3\)"),
        (lambda: Standardizer.fit([1.0, 2.0]), r"X must be \(m, n\)"),
        (
            lambda: Standardizer.fit([[1.0, 2.0]]).transform([[1.0]]),
            r"must have shape \(m, 2\), got \(1, 1\)",
        ),
        (lambda: Standardizer([0.0], [-1.0]), "not negative"),
        (lambda: Standardizer([0.0], [np.inf]), "scale finite"),
        (lambda: Standardizer([0.0, 1.0], [1.0]), "must be 1-D and alike"),
        (lambda: Standardizer.from_dict({"mean": [0.0]}), "needs 'mean' and 'scale'"),
    ],
)
def test_wrong_features_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_features_are_a_type_error():
    with pytest.raises(TypeError, match="X must be numbers"):
        Standardizer.fit([["a"]])


def test_labels_are_numbered_in_order_and_decoded():
    labels = LabelMap.fit(["dog", "cat", "dog", "ant"])
    assert labels.classes == ["ant", "cat", "dog"]
    assert labels.decode(labels.encode(["cat", "dog"])) == ["cat", "dog"]


@pytest.mark.parametrize("y", [[3, 1], [3.0, 1.0], np.array([3, 1], np.uint8)])
def test_whole_numbers_are_the_same_label_in_every_dtype(y):
    labels = LabelMap.fit(y)
    assert labels.classes == [1, 3]
    assert labels.encode([1.0, 3.0]).tolist() == [0, 1]


def test_truth_values_are_0_and_1():
    assert LabelMap.fit(np.array([True, False])).classes == [0, 1]


def test_text_classes_that_look_like_numbers_are_found():
    assert LabelMap(["1", "2", "x"]).encode([2.0, 1.0]).tolist() == [1, 0]


def test_an_unknown_label_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="label 'cow' is unknown; the classes are 'ant', 'cat'"):
        LabelMap(["ant", "cat"]).encode(["cat", "cow"])


@pytest.mark.parametrize("classes", [[], [1, 1], ["a", 1]])
def test_classes_must_be_different_and_of_one_kind(classes):
    with pytest.raises(ValueError, match="classes must differ"):
        LabelMap(classes)


def test_labels_that_are_neither_numbers_nor_text_are_a_type_error():
    with pytest.raises(TypeError, match="must be numbers or text, got object"):
        LabelMap.fit([None, "a"])


def test_one_hot_rows_are_unit_vectors():
    assert one_hot([2, 0], classes=3).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_one_hot_counts_the_classes_itself():
    assert one_hot(np.array([0, 3]), dtype=np.float32).shape == (2, 4)


@pytest.mark.parametrize("y", [[-1, 0], [0, 3]])
def test_one_hot_refuses_labels_outside_the_classes(y):
    with pytest.raises(ValueError, match=r"must be in 0 \.\.\. 2"):
        one_hot(y, classes=3)


def test_one_hot_refuses_fractions():
    with pytest.raises(TypeError, match="y must be integers"):
        one_hot([0.5])


@pytest.mark.parametrize(("m", "test_size", "count"), [(10, 0.2, 2), (1797, 0.2, 359), (5, 0.0, 0)])
def test_a_split_uses_every_row_once(m, test_size, count):
    train, test = split_indices(m, test_size, seed=3)
    assert len(test) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(m))


def test_a_seed_fixes_the_split_and_another_seed_changes_it():
    np.testing.assert_array_equal(split_indices(100, seed=1)[1], split_indices(100, seed=1)[1])
    assert not np.array_equal(split_indices(100, seed=1)[1], split_indices(100, seed=2)[1])


def test_the_split_is_not_the_order_of_the_first_epoch():
    train, test = split_indices(100, seed=1)
    assert not np.array_equal(np.concatenate([test, train]), _core.permutation(1, 0, 100))


def test_split_arrays_keep_rows_and_labels_together():
    X = np.arange(20).reshape(10, 2)
    X_train, X_test, y_train, y_test = train_test_split(X, X[:, 0], test_size=0.3)
    np.testing.assert_array_equal(X_train[:, 0], y_train)
    np.testing.assert_array_equal(X_test[:, 0], y_test)
    assert len(X_test) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split_indices(10, 1.0), r"test_size must be a fraction in \[0, 1\), got 1.0"),
        (lambda: split_indices(10, float("nan")), "test_size must be a fraction"),
        (lambda: split_indices(2, 0.2), "2 examples are too few"),
        (lambda: split_indices(0, 0.0), "0 examples are too few"),
        (lambda: train_test_split(np.zeros((3, 1)), np.zeros(2)), r"got shapes \(3, 1\) and \(2,\)"),
    ],
)
def test_impossible_splits_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
