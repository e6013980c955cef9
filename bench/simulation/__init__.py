"""A seeded simulation of NoteAssist under many users, and the measurement that its small end is held against."""
