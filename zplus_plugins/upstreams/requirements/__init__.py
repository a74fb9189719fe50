"""What scripts need before they start, one kind a module."""
