"""The benchmark's own pieces, without the server that it measures."""
