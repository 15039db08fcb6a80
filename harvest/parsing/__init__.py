"""Reads files in a process of their own, so that no file can hold up or fill this one."""
