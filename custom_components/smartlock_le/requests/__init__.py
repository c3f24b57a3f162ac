"""What is asked. So far: the agencies that may ask, and who of them was called back."""
