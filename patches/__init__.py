"""Compatibility patches: each fixes one problem of upstreams, and is undone by the journal."""
