"""Notes as files: Markdown, JSON, HTML, PDF, Word and Anki, and the readers of the first two.

`formats.py` makes files, `markdown_reader.py` and `own_json.py` read them back. Whatever lays out what people wrote
runs in a child process (`rendering.py`, `noteassist/children/`).
"""
