"""Networks become files here, and files become networks; any file is replaced as a whole."""
