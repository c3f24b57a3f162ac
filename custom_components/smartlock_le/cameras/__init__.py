"""What the cameras saw: a picture for each access, kept as long as the owner says."""
