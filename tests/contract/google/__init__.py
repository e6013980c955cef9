"""What needs a Google."""
