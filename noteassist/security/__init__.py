"""Who may do what: passwords, tokens, guards and the table of permissions."""
