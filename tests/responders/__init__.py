"""Tests of links for responders, and of their page."""
