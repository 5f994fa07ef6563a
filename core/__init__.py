"""Pure vocabulary of the product: no models, no input or output, no Django."""
