"""NoteAssist: a self-hosted server for study notes. Importing the package imports nothing."""
