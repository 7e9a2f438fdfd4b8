"""The archive: one .eln file that five independent programs can verify, off-line."""
