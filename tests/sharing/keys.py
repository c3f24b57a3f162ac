"""A key of age for tests: nobody has it."""

RECIPIENT = "age10ewjlxx2ervvms7t4rar3e60zk2s3x6q4ymu8xj02wjae23vtcgsqnuccp"
IDENTITY = "AGE-SECRET-KEY-1L9345HRE5H4F4T4UK2MA42ZWRA6WPR0H2DNZM63KXVK8VHTUQTAQA82W23"
ZERO = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"
"""A point of low order: with it everybody knows the secret."""
