"""Tests of the integration and of what stands in for hardware."""
