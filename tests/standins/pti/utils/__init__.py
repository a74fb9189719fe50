"""Images, generators and logs."""
