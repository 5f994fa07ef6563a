"""Who bills: the name on the document, the series of its numbers, the language of its books."""
