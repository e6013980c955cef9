"""Prompts: versioned Markdown files, and the rendering that puts a student's words safely into them."""

from noteassist.services.ai.prompts.rendering import TOOLS, Prompt, language_name, render, version_of

__all__ = ["TOOLS", "Prompt", "language_name", "render", "version_of"]
