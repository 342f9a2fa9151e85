"""Models that others publish on a hub: what is known of them, fetching their files, what a folder of
files is.
"""
