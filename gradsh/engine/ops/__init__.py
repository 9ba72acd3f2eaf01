"""The declared operations, a module for each family."""
