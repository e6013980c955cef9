"""Load from Locust, for those who prefer it to the benchmark's own driver."""
