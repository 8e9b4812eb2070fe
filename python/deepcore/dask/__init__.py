"""Train one network on the workers of a Dask cluster; the rows stay on the workers that hold them.

``fit`` trains a model, and ``DaskMLPClassifier`` and ``DaskMLPRegressor`` are estimators. They need the extra
``dask``: ``pip install 'deepcore-nn[dask]'``, for the client, the scheduler and the workers.
"""

from typing import TYPE_CHECKING

try:
    import dask as _dask  # noqa: F401
    import distributed as _distributed  # noqa: F401
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.dask needs Dask and its scheduler: pip install 'deepcore-nn[dask]'", name=_error.name
    ) from _error

from deepcore.dask.fitting import fit

if TYPE_CHECKING:
    from deepcore.dask.estimators import DaskMLPClassifier, DaskMLPRegressor

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor", "fit"]


def __getattr__(name: str) -> object:
    if name in ("DaskMLPClassifier", "DaskMLPRegressor"):  # they need scikit-learn, and fit does not
        from deepcore.dask import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'deepcore.dask' has no attribute {name!r}")
