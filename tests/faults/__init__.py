"""The fault campaign: kills, radio trouble, failing disks, clocks that lie.

Every point is drawn from a seed and its own number, so that it can be run again alone:
`script/faults --seed 1 --only 417`. The tests here run a slice of it.
"""
