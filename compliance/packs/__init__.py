"""Evidence packs: what a framework asks for and what was found, in a file that proves itself."""
