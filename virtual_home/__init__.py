"""What stands in for hardware in the demo and in the tests.

A Bluetooth air, simulated Nuki locks and a simulated ESPHome Bluetooth proxy. Nothing
here shares code with the integration: two independent readings of the same documents
have to agree.
"""
