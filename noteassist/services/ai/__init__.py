"""AI: providers, prompts, and what they may cost."""
