"""Images that scripts read: which files they are, how they are read, and what is lost."""
