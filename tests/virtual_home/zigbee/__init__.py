"""Tests of the virtual Zigbee radio."""
