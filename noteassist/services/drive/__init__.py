"""Google Drive: connecting an account, uploading notes and outputs, importing files."""
