"""HARDWARE: one contract, one contract test, one module or package a lock family."""
