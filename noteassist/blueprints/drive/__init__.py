"""Google Drive: connecting it, importing from it, uploading to it."""

from noteassist.blueprints.drive.routes import drive
from noteassist.blueprints.drive.uploads import note_drive, output_drive
from noteassist.blueprints.drive.way_back import drive_return

__all__ = ["drive", "drive_return", "note_drive", "output_drive"]
