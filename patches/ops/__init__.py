"""Patches that replace the custom operations of upstreams by ours."""
