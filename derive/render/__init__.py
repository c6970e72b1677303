"""Renderers of a theorem: plain text, LaTeX, Markdown; the order of a textbook is in `notation`."""
