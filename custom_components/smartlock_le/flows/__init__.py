"""One module a subentry flow."""
