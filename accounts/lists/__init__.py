"""How a person works with a list: the columns they see, the views they saved, the rows they chose."""
