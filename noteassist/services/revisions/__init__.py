"""Revisions: what a note said after each change, what changed between two of them, and the way back.

Each row holds the way back to the revision before it, and the newest revision is the note itself. So what is written is
only what changed, and making a note writes no text twice.
"""
