"""Examples that are read while a model trains on them, because they need not fit into memory."""
