"""Calls and settings of a script, and the files in which it saves its codes."""
