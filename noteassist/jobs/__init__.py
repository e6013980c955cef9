"""What runs in the background: each function calls one service."""
