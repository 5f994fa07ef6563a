"""Payment providers behind one contract."""
