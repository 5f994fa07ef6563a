"""One thing done to many records that somebody chose of a list, row by row, as a job."""
