"""The one error of the benchmark that a person is meant to read."""


class BenchError(Exception):
    """Something outside of the benchmark stops it; the message says what to do."""
