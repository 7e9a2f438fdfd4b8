"""The pure rules of governance: plain values in, plain values out; no table is read."""
