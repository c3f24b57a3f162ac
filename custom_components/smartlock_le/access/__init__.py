"""WHO MAY OPEN, WHEN: grants, and the codes that they put on a lock."""
