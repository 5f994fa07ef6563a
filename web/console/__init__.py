"""What security people and auditors look at: the trail, its proof, keys, encryption, jobs."""
