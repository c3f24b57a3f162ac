"""What leaves the home. So far: the switch, which is off unless the owner says on."""
