"""Commands about edits: those that find directions, and those that follow them."""
