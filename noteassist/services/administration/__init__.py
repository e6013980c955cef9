"""Administration: what all have done, who may do what, what it costs, and how the server is."""
