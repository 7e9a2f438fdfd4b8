"""What happens in governance, in the words of the timeline: one module for each subject."""
