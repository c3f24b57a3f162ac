"""Who comes to help: links to the responders' page, what it shows, what it may do."""
