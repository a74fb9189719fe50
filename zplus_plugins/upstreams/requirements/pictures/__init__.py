"""Images that scripts read: which, by which reader, and what is lost."""
