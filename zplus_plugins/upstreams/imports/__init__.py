"""Which modules a script imports, and how to install those that are missing."""
