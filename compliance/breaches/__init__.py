"""The register of breaches, with their clocks, and whom one of them touched."""
