"""Imports: notes out of files that people have from elsewhere."""
