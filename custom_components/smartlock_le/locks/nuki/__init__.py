"""Nuki Smart Lock over Bluetooth LE, after Nuki's public Bluetooth API v2.1."""
