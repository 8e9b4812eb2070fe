"""Another distribution uses the import name deepcore: the import says what to uninstall."""

from types import SimpleNamespace

import pytest

import deepcore
from deepcore import _clash


@pytest.fixture
def package(tmp_path):
    (tmp_path / "deepcore").mkdir()
    (tmp_path / "deepcore_nn-0.1.0.dist-info").mkdir()
    (tmp_path / "deepcore_tools-1.0.dist-info").mkdir()
    return tmp_path / "deepcore"


def test_our_own_metadata_is_not_foreign(package):
    assert _clash.foreign_distribution(package) is None


def test_the_other_distribution_is_seen_by_its_metadata(package):
    (package.parent / "deepcore-1.2.2.dist-info").mkdir()
    assert _clash.foreign_distribution(package) == "deepcore-1.2.2.dist-info"
    assert "pip uninstall deepcore deepcore-nn" in _clash.beside("deepcore-1.2.2.dist-info")


def test_a_missing_native_module_beside_the_other_distribution_names_the_clash(package):
    (package.parent / "deepcore-1.2.2.dist-info").mkdir()
    error = _clash.missing_core(package, ImportError("x", name="deepcore._core"))
    assert "another project, was installed over deepcore-nn" in str(error)
    assert "pip uninstall deepcore deepcore-nn; pip install deepcore-nn" in str(error)


def test_a_missing_native_module_alone_points_at_the_source_tree(package):
    error = _clash.missing_core(package, ImportError("x", name="deepcore._core"))
    assert "native module deepcore._core is missing" in str(error)
    assert "pip install ." in str(error)


def test_a_native_module_of_others_is_refused():
    with pytest.raises(ImportError, match="is not deepcore-nn's native module"):
        _clash.require_ours(SimpleNamespace(__file__="elsewhere.so"))


def test_ours_is_accepted():
    _clash.require_ours(deepcore._core)
