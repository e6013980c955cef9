"""Tasks: work that the database owns, from its making to its end."""
