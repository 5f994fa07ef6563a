"""Money that moved: asked for, received, given back, disputed."""
