"""Standardising, label maps, one-hot rows and the seeded split."""

import json

import numpy as np
import pytest

from deepcore import _core
from deepcore.data import LabelMap, Standardizer, one_hot, split_indices, train_test_split


def test_standardised_columns_have_mean_0_and_deviation_1(rng):
    X = rng.normal(5.0, 3.0, (200, 4))
    Z = Standardizer().fit(X).transform(X)
    # Sums of 200 rounded numbers: a few hundred ulps at the very most.
    np.testing.assert_allclose(Z.mean(axis=0), 0.0, atol=1e-13)
    np.testing.assert_allclose(Z.std(axis=0), 1.0, atol=1e-13)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3e11, 1e-300])
def test_a_constant_column_becomes_0_and_stays_0_in_later_data(value):
    standardizer = Standardizer().fit(np.array([[value, 1.0], [value, 2.0], [value, 3.0]]))
    assert standardizer.constant.tolist() == [0]
    assert standardizer.transform([[12345.0, 2.0]]).tolist() == [[0.0, 0.0]]


def test_a_column_that_varies_below_the_smallest_normal_number_counts_as_constant():
    assert Standardizer().fit([[1e-310], [2e-310]]).constant.tolist() == [0]


def test_a_constant_column_comes_back_from_the_inverse():
    X = np.array([[0.1, 1.0], [0.1, 2.0]])
    standardizer = Standardizer().fit(X)
    np.testing.assert_allclose(standardizer.inverse_transform(standardizer.transform(X)), X, rtol=1e-15)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_huge_and_tiny_columns_neither_overflow_nor_vanish(factor):
    Z = Standardizer().fit(np.array([[1.0], [2.0], [3.0]]) * factor).transform([[3 * factor]])
    np.testing.assert_allclose(Z, np.sqrt(1.5), rtol=1e-14)


def test_one_scale_for_all_columns_divides_every_pixel():
    pixels = np.array([[0, 51, 255]], np.uint8)
    scaled = Standardizer([0.0], [255.0]).transform(pixels, dtype=np.float32)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, (pixels / 255).astype(np.float32))


def test_many_rows_are_transformed_as_few_are(rng):
    X = rng.normal(size=(10_000, 2))  # more than two blocks
    standardizer = Standardizer().fit(X)
    np.testing.assert_array_equal(standardizer.transform(X)[9_000:], standardizer.transform(X[9_000:]))


def test_transform_leaves_its_input_alone():
    X = np.array([[1.0], [3.0]])
    Standardizer().fit(X).transform(X)
    assert X.tolist() == [[1.0], [3.0]]


def test_a_standardizer_comes_back_from_json_bit_for_bit(rng):
    X = rng.normal(size=(30, 5))
    before = Standardizer().fit(X)
    after = Standardizer.from_dict(json.loads(json.dumps(before.to_dict())))
    np.testing.assert_array_equal(after.transform(X), before.transform(X))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Standardizer().fit([[1.0], [np.nan]]), "X must be finite in float64, got nan in row 1"),
        (lambda: Standardizer().fit(np.zeros((0, 3))), r"at least one value, got shape \(0, 3\)"),
        (lambda: Standardizer().fit([1.0, 2.0]), r"X must have shape \(m, n\)"),
        (
            lambda: Standardizer().fit([[1.0, 2.0]]).transform([[1.0]]),
            r"must have shape \(m, 2\), got \(1, 1\)",
        ),
        (lambda: Standardizer([0.0], [-1.0]), "not negative"),
        (lambda: Standardizer([0.0], [np.inf]), "scale must be finite"),
        (lambda: Standardizer([0.0, 1.0], [1.0]), "must be 1-D and of the same length"),
        (lambda: Standardizer.from_dict({"mean": [0.0]}), "must have the keys 'mean' and 'scale'"),
    ],
)
def test_wrong_features_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_features_are_a_type_error():
    with pytest.raises(TypeError, match="X must hold numbers"):
        Standardizer().fit([["a"]])


def test_labels_are_numbered_in_order_and_decoded():
    labels = LabelMap().fit(["dog", "cat", "dog", "ant"])
    assert labels.classes == ["ant", "cat", "dog"]
    assert labels.decode(labels.encode(["cat", "dog"])) == ["cat", "dog"]


@pytest.mark.parametrize("y", [[3, 1], [3.0, 1.0], np.array([3, 1], np.uint8)])
def test_whole_numbers_are_the_same_label_in_every_dtype(y):
    labels = LabelMap().fit(y)
    assert labels.classes == [1, 3]
    assert labels.encode([1.0, 3.0]).tolist() == [0, 1]


def test_truth_values_are_0_and_1():
    assert LabelMap().fit(np.array([True, False])).classes == [0, 1]


def test_text_classes_that_look_like_numbers_are_found():
    assert LabelMap(["1", "2", "x"]).encode([2.0, 1.0]).tolist() == [1, 0]


def test_an_unknown_label_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="label 'cow' is unknown; the classes are 'ant', 'cat'"):
        LabelMap(["ant", "cat"]).encode(["cat", "cow"])


@pytest.mark.parametrize("classes", [[], [1, 1], ["a", 1]])
def test_classes_must_be_different_and_of_one_kind(classes):
    with pytest.raises(ValueError, match="classes must all be different"):
        LabelMap(classes)


def test_labels_that_are_neither_numbers_nor_text_are_a_type_error():
    with pytest.raises(TypeError, match="must be numbers or text, got object"):
        LabelMap().fit([None, "a"])


def test_one_hot_rows_are_unit_vectors():
    assert one_hot([2, 0], classes=3).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_one_hot_counts_the_classes_itself():
    assert one_hot(np.array([0, 3]), dtype=np.float32).shape == (2, 4)


@pytest.mark.parametrize("y", [[-1, 0], [0, 3]])
def test_one_hot_refuses_labels_outside_the_classes(y):
    with pytest.raises(ValueError, match=r"must be in 0 \.\.\. 2"):
        one_hot(y, classes=3)


def test_one_hot_refuses_fractions():
    with pytest.raises(TypeError, match="y must hold integers"):
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
        (lambda: split_indices(10, 1.0), "test_size must be at least 0 and below 1, got 1.0"),
        (lambda: split_indices(10, float("nan")), "test_size must be at least 0 and below 1"),
        (lambda: split_indices(2, 0.2), "2 examples are too few"),
        (lambda: split_indices(0, 0.0), "m must be at least 1, got 0"),
        (lambda: train_test_split(np.zeros((3, 1)), np.zeros(2)), r"got shapes \(3, 1\) and \(2,\)"),
    ],
)
def test_impossible_splits_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# faults that were mended


@pytest.mark.parametrize(
    "column",
    [
        np.where(np.arange(60) % 2, 0.7, 0.1 * 7),
        np.random.default_rng(0).dirichlet(np.ones(40), 500).sum(axis=1),
        (np.full(30, 36.6) + np.arange(30) * 1e-15),
        np.where(np.arange(60) % 2, np.float32(0.7), np.nextafter(np.float32(0.7), np.float32(1))),
    ],
    ids=["neighbours", "sums of shares", "a few rounding errors", "float32"],
)
def test_a_column_that_is_constant_but_for_rounding_counts_as_constant(column):
    standardizer = Standardizer().fit(column[:, None])
    assert standardizer.constant.tolist() == [0]
    assert standardizer.transform([[0.7005]]).tolist() == [[0.0]]


@pytest.mark.parametrize(
    "column", [1.6e9 + np.arange(60) * 1e-3, np.r_[np.zeros(59), 1e-9], 1 + np.arange(9) * 1e-12]
)
def test_a_small_but_real_spread_is_kept(column):
    assert Standardizer().fit(column[:, None]).constant.size == 0


def test_fit_returns_the_object_and_fit_transform_is_both():
    X, standardizer = [[1.0], [3.0]], Standardizer()
    assert standardizer.fit(X) is standardizer
    np.testing.assert_array_equal(Standardizer().fit_transform(X), standardizer.transform(X))
    labels = LabelMap()
    assert labels.fit(["b", "a"]) is labels
    assert LabelMap().fit_transform(["b", "a"]).tolist() == labels.transform(["b", "a"]).tolist() == [1, 0]
    assert labels.inverse_transform([1, 0]) == ["b", "a"]


def test_standardizers_and_label_maps_show_what_they_hold():
    assert repr(Standardizer()) == "Standardizer()"
    assert repr(Standardizer().fit([[1.0], [3.0]])) == "Standardizer(mean=[2.0], scale=[1.0])"
    assert repr(LabelMap()) == "LabelMap()"
    assert repr(LabelMap().fit(["a", "b"])) == "LabelMap(['a', 'b'])"
    assert repr(LabelMap().fit(range(12))).endswith("9, ... (12 in all)])")


@pytest.mark.parametrize(
    "call",
    [
        lambda: Standardizer().transform([[1.0]]),
        lambda: Standardizer().inverse_transform([[1.0]]),
        lambda: Standardizer().to_dict(),
        lambda: Standardizer().constant,
        lambda: LabelMap().transform([1]),
        lambda: LabelMap().inverse_transform([0]),
    ],
)
def test_what_was_not_fitted_says_so(call):
    with pytest.raises(ValueError, match="call fit first"):
        call()


def test_transform_checks_as_strictly_as_fit():
    standardizer = Standardizer().fit([[1.0], [2.0]])
    for method in (standardizer.transform, standardizer.inverse_transform):
        with pytest.raises(TypeError, match="X must hold numbers, got dtype <U1"):
            method([["a"]])
    with pytest.raises(ValueError, match="X must be finite in float64, got nan in row 1"):
        standardizer.transform([[1.0], [np.nan]])


def test_values_that_span_more_than_float64_holds_are_refused_without_a_warning():
    with pytest.raises(ValueError, match=r"column 1 spans more than float64 can hold, from -1.6e\+308"):
        Standardizer().fit([[1.0, 1.6e308], [2.0, -1.6e308]])


def test_later_values_that_overflow_are_refused_without_a_warning():
    standardizer = Standardizer().fit([[1e-5], [2e-5]])
    with pytest.raises(ValueError, match="the result must be finite in float32, got inf in row 1"):
        standardizer.transform([[1.0], [1e300]], np.float32)


@pytest.mark.parametrize(
    "y",
    [
        np.array([2**63 + 5, 9], np.uint64),
        np.array([2**53 + 1, 2**53], np.int64),
        [2**53 + 1, 2**53],
        [2**63 + 5, -1],
        [2**70, 1],
        np.array([-5, 3], np.int8),
    ],
)
def test_integer_labels_keep_their_value(y):
    labels = LabelMap().fit(y)
    assert labels.classes == sorted(int(label) for label in y)
    assert labels.decode(labels.encode(y)) == [int(label) for label in y]


@pytest.mark.parametrize(
    "codes", [[-1], [3], [1.9], [True], [0, True], [np.inf], [np.nan], ["a"], np.array([True])]
)
def test_numbers_that_are_no_codes_are_refused(codes):
    with pytest.raises(ValueError, match="codes must be whole numbers from 0 to 2"):
        LabelMap(["x", "y", "z"]).decode(codes)


def test_whole_numbers_are_codes_in_every_dtype():
    assert (
        LabelMap(["x", "y"]).decode(np.array([1.0, 0.0])) == LabelMap(["x", "y"]).decode((1, 0)) == ["y", "x"]
    )


def test_a_stratified_split_keeps_the_shares_of_the_classes():
    y = np.r_[np.zeros(97, int), np.ones(3, int)]
    for seed in range(10):
        train, test = split_indices(100, 0.2, seed, stratify=y)
        assert (len(train), len(test), y[test].sum()) == (80, 20, 1)
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(100))


@pytest.mark.parametrize("sizes", [(50, 30, 20), (2, 2, 96), (33, 33, 34), (7, 2), (2, 2, 2, 90)])
@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5])
def test_a_stratified_split_has_every_class_in_both_parts(sizes, test_size):
    y = np.repeat([f"class {i}" for i in range(len(sizes))], sizes)
    if round(len(y) * test_size) < len(sizes):
        pytest.skip("fewer test examples than classes")
    _, test = split_indices(len(y), test_size, stratify=y)
    assert len(test) == round(len(y) * test_size)
    for name, size in zip(np.unique(y), sizes, strict=True):
        share = (y[test] == name).sum()
        assert 1 <= share < size
        assert abs(share - size * test_size) <= len(sizes)  # rounding, and the least of one


def test_a_split_of_arrays_can_be_stratified():
    y = ["a"] * 8 + ["b"] * 2
    _, _, y_train, y_test = train_test_split(np.zeros((10, 1)), y, test_size=0.5, stratify=y)
    assert sorted(y_test) == sorted(y_train) == ["a"] * 4 + ["b"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_test_split([[1.0]] * 9, [0] * 9, seed=-1), "seed must be at least 0, got -1"),
        (lambda: split_indices(9, seed=2**64), "seed must be at most"),
        (lambda: split_indices(4, 0.5, stratify=[0, 0, 0, 1]), "the smallest class has 1"),
        (
            lambda: split_indices(8, 0.25, stratify=[0, 0, 1, 1, 2, 2, 3, 3]),
            "each of the 4 classes in both parts",
        ),
        (lambda: split_indices(4, 0.5, stratify=[0, 1]), r"shape \(4,\), got \(2,\)"),
        (lambda: split_indices(4, 0.5, stratify=[0, np.nan, 1, 1]), "stratify must not hold NaN"),
        (lambda: one_hot([0], classes=0), "classes must be at least 1, got 0"),
        (lambda: LabelMap().fit([0.5, np.inf]), "labels must be finite"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
