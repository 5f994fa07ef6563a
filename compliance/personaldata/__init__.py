"""What is held about one person, wherever it stands: found by a walk over the data policies, exported, erased."""
