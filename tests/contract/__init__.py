"""The REST contract, tested from outside: requests in, answers out."""
