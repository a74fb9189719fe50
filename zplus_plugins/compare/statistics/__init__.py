"""The statistics of a comparison: means, intervals and tests."""
