"""A fuzz of the running server: requests made from its OpenAPI document, answers checked against it."""
