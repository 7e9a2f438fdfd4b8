"""Questions about who may do what in governance: one module for each subject."""
