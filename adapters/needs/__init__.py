"""What the scripts of each upstream need, where the table alone cannot say it."""
