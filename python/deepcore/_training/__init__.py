"""How a network learns: the run of one call of ``fit``, where its batches come from, and L-BFGS."""
