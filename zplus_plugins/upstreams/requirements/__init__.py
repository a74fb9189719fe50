"""What scripts need before they start, with one module for each kind of requirement."""
