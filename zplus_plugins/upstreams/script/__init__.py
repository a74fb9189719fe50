"""How a script is told what to do, and where it puts its codes."""
