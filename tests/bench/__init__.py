"""Benchmarks: what BioLab does beside a reference, on the same machine in the same run."""
