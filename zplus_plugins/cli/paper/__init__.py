"""Commands about the papers."""
