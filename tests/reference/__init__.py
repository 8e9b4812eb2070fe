"""The slow, obvious NumPy twin of the native kernels: float64, examples are columns, written for reading.

Nothing here imports deepcore. Every row of a native table has a row of the same name here;
tests/unit/test_catalog.py holds the two together.
"""
