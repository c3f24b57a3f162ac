"""Tests of who may open, when."""
