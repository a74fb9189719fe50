"""Networks of the embedded domain, and their files."""
