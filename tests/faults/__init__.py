"""The server as a process, and what it must survive."""
