"""What governance shows on the wire: one module for each subject."""
