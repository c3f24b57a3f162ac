"""The log before judges that are not ours."""
