"""Files that belong to an invoice: a time sheet, a delivery note, a photograph."""
