"""The product with one page more, which shows a sentence: what every page of staff is measured against."""
