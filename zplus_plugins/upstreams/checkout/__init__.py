"""The user's checkout: which upstream it is, and whether the adapter works with it."""
