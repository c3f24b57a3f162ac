"""Tests of the Nuki."""
