"""Photographs become records in a process of their own; masks are kept; what a page shows becomes files."""
