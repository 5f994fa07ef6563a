"""Reports: what is owed, earned, taxed and paid, each figure with the rows behind it."""
