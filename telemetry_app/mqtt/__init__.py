"""The bridge from an MQTT broker into the house."""
