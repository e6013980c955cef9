"""The entry for WSGI servers: `gunicorn wsgi:app` and its like load this module."""

from noteassist.server import from_environment

app = from_environment()
