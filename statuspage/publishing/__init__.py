"""The site as files, complete by itself, in a folder or a bucket that survives the site."""
