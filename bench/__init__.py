"""The project's own benchmark: what a request costs, side by side with any peer."""
