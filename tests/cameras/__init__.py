"""The cameras: from what one gives to what is kept, shown and erased."""
