"""Values to text: PyTorch's tensor text, every other value, JSON, and colour for a terminal.

The modules are imported one by one (`gradsh.display.values`, `gradsh.display.json`,
`gradsh.display.colour`), so that a program that prints plain text loads nothing else.
"""
