"""How a network is kept: model files, and writing any file so that it is never half written."""
