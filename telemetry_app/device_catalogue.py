"""Channels of the drivers that WebMACS controllers bring along, so that naming one of them sets its channels up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from telemetry_app.states import Direction


class DeviceChannel(NamedTuple):
    """A channel as its driver declares it; the ends of its range are in its unit."""

    id: str
    name: str
    unit: str
    min_value: float
    max_value: float
    direction: Direction = Direction.INPUT


DRIVERS: Final[Mapping[str, Sequence[DeviceChannel]]] = {
    "simulated": (
        DeviceChannel("temp_reactor", "Temperature Reactor", "°C", 20, 500),
        DeviceChannel("temp_inlet", "Temperature Inlet", "°C", 15, 200),
        DeviceChannel("temp_outlet", "Temperature Outlet", "°C", 15, 300),
        DeviceChannel("pressure_chamber", "Pressure Chamber", "bar", 0, 6),
        DeviceChannel("pressure_diff", "Pressure Differential", "mbar", 0, 100),
        DeviceChannel("volume_flow", "Volume Flow", "m³/h", 0, 40),
        DeviceChannel("humidity", "Humidity", "%", 0, 100),
        DeviceChannel("heater_power", "Heater Power", "%", 0, 100, Direction.OUTPUT),
        DeviceChannel("valve_position", "Valve Position", "%", 0, 100, Direction.OUTPUT),
    ),
    "system": (
        DeviceChannel("cpu_percent", "CPU Usage", "%", 0, 100),
        DeviceChannel("memory_percent", "Memory Usage", "%", 0, 100),
        DeviceChannel("memory_used_gb", "Memory Used", "GB", 0, 128),
        DeviceChannel("disk_percent", "Disk Usage", "%", 0, 100),
        DeviceChannel("disk_used_gb", "Disk Used", "GB", 0, 10_000),
        DeviceChannel("load_avg_1m", "Load Average (1 min)", "load", 0, 256),
        DeviceChannel("cpu_temp", "CPU Temperature", "°C", 0, 110),
    ),
}
