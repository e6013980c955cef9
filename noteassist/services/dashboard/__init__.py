"""The dashboard: what a user has, does, and how it goes on."""
