"""Readings asked for in PromQL: the part of it that dashboards and ``promtool query`` use."""
