"""The other libraries, each with its fastest way; deepcore.bench.contestants defines the interface."""
