"""Model files are read and written here, and any file is replaced as a whole."""
