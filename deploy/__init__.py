"""What production needs beside the product: configuration of proxy and engines, secrets, health checks."""
