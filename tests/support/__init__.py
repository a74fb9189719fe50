"""What several test modules share: synthetic assets, oracles and the code that builds them."""
