"""Builds the Cython examples against the installed deepcore: python setup.py build_ext --inplace."""

import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

import deepcore

# OpenMP runs the prange loop in several threads. Without it, the loop runs in one.
openmp = ["-fopenmp"] if sys.platform == "linux" else []

setup(
    name="deepcore-cython-examples",
    ext_modules=cythonize(
        [
            Extension(
                name,
                [f"{name}.pyx"],
                include_dirs=[deepcore.get_include()],
                extra_compile_args=["-O2", *openmp],
                extra_link_args=openmp,
            )
            for name in ("monte_carlo", "quantile_loss")
        ],
        language_level=3,
    ),
)
