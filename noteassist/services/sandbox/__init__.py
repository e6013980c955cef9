"""Running a student's program where it can reach nothing: see docs/sandbox.md."""
