"""The ways out: each tells others of an incident, by the one contract of `channel`."""
