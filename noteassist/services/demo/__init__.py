"""Offer study content for the demo account and for load tests, without a database."""
