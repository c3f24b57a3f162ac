"""A virtual Zigbee radio with locks and door contacts on its network.

The radio speaks the serial protocol of a ConBee II (dresden elektronik, "deCONZ Serial
Protocol") over TCP. What travels inside, ZDO and ZCL, is made of zigpy's types; what a
device answers follows the Zigbee Cluster Library, revision 8 (07-5123), chapters 2, 3.11,
7.3 and 8.2, and Zigbee 2.4 device and service discovery (05-3474, 2.4). Nothing here is
imported before a radio is wanted: zigpy is not there in each environment.
"""
