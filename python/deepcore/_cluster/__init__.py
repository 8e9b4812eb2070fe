"""Wait for a Dask cluster, but never for something that cannot happen."""
