"""What a comparison says: tables, curves, pictures, and one page to look at."""
