"""The published numbers of the course, run through deepcore's public functions."""
