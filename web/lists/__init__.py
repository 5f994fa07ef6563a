"""The one machinery of lists: columns, saved views, selections, and the page they stand on."""
