"""What HFGI3D's script needs, the code that the adapter relies on, and patches for this script only."""
