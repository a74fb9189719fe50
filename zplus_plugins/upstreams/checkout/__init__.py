"""Somebody's checkout: whose it is, and whether it fits its adapter."""
