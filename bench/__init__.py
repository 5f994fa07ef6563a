"""Figures beside the baselines of the same run: what protection costs, as ratios."""
