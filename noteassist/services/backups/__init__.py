"""Backups of the whole database, in a form that either database can be filled from."""
