"""A directory of .eml files, Maildirs, mboxes and arbitrary files as accounts and streams."""
