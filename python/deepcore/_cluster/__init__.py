"""What the client of a Dask cluster does, so that it never waits for something that cannot happen."""
