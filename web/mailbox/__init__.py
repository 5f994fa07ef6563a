"""The mail that the demo would have sent. It exists where no mail leaves the house, and nowhere else."""
