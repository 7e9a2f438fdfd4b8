"""The pages that show a session whole: bench, telemetry, exports and their ladders."""
