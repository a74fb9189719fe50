"""Where edits fall apart: composite edits far out, their realism, and the true drawn edit (docs/limits.md)."""
