"""What runs in the background: each function takes one attempt at a task and calls one service."""
