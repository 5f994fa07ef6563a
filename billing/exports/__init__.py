"""What leaves the house as a file: counted first, encrypted where it lies, gone after a day."""
