"""The rules and the signatures: templates, ladders, and what a person's name under a record means."""
