"""The two stages: projectors find pivots, coaches tune generators."""
