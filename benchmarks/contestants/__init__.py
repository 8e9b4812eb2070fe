"""The peers of deepcore, each at its best; what a contestant is: deepcore.bench.contestants."""
