"""The console: administration for people with a browser."""

from noteassist.blueprints.console.door import door, way_out
from noteassist.blueprints.console.pages import console
from noteassist.blueprints.console.queue import install_queue_pages

__all__ = ["CONSOLE", "install_queue_pages"]

CONSOLE = (door, way_out, console)
