"""Addresses of the readings."""

from __future__ import annotations

from django.urls import path

from telemetry_app.api import (
    alarms,
    channels,
    datapoints,
    doors,
    experiment_csv,
    exporting,
    figures,
    imports,
    influx,
    plugins,
    prometheus,
    prometheus_text,
    querying,
    thingsboard,
)

TELEMETRY = "api/sessions/<str:sid>/telemetry"
PROMETHEUS = "prometheus/api/v1"
ALARMS = "api/sessions/<str:sid>/alarms"
INFLUX = {"influx": "influx", "influx/<str:sid>": "influx-session"}
EVENTS, DATAPOINTS = "api/v1/events", "api/v1/datapoints"
PLUGIN = "api/v1/plugins/<str:plugin_id>"

urlpatterns = [
    path(TELEMETRY, doors.TelemetryDoor.as_view(), name="telemetry"),
    path(f"{TELEMETRY}/batch", doors.BatchDoor.as_view(), name="telemetry-batch"),
    path(f"{TELEMETRY}/latest", doors.LatestDoor.as_view(), name="telemetry-latest"),
    path(f"{TELEMETRY}/channels", doors.ChannelsDoor.as_view(), name="telemetry-channels"),
    path(f"{TELEMETRY}/summary", doors.SummaryDoor.as_view(), name="telemetry-summary"),
    path(f"{TELEMETRY}/series", doors.SeriesDoor.as_view(), name="telemetry-series"),
    path(f"{TELEMETRY}/export", exporting.ExportDoor.as_view(), name="telemetry-export"),
    path(f"{TELEMETRY}/import", imports.ImportDoor.as_view(), name="telemetry-import"),
    path(f"{TELEMETRY}/import/preview", imports.ImportPreviewDoor.as_view(), name="telemetry-import-preview"),
    path(f"{TELEMETRY}/imports", imports.ImportsDoor.as_view(), name="telemetry-imports"),
    path(f"{TELEMETRY}/imports/<str:job>", imports.ImportJobDoor.as_view(), name="telemetry-import-job"),
    path(f"{TELEMETRY}/imports/<str:job>/file", imports.ImportFileDoor.as_view(), name="telemetry-import-file"),
    path(f"{TELEMETRY}/imports/<str:job>/retry", imports.ImportRetryDoor.as_view(), name="telemetry-import-retry"),
    path(f"{PROMETHEUS}/query", prometheus.QueryDoor.as_view(), name="prometheus-query"),
    path(f"{PROMETHEUS}/query_range", prometheus.QueryRangeDoor.as_view(), name="prometheus-query-range"),
    path(f"{PROMETHEUS}/series", prometheus.SeriesDoor.as_view(), name="prometheus-series"),
    path(f"{PROMETHEUS}/labels", prometheus.LabelsDoor.as_view(), name="prometheus-labels"),
    path(f"{PROMETHEUS}/label/<str:name>/values", prometheus.LabelValuesDoor.as_view(), name="prometheus-values"),
    path(f"{PROMETHEUS}/metadata", prometheus.MetadataDoor.as_view(), name="prometheus-metadata"),
    path(f"{PROMETHEUS}/status/buildinfo", prometheus.BuildInfoDoor.as_view(), name="prometheus-buildinfo"),
    path("metrics/bench", prometheus_text.BenchMetricsDoor.as_view(), name="metrics-bench"),
    path("api/query/channel", querying.ChannelAtDoor.as_view(), name="query-channel"),
    path("api/query/range", querying.RangeDoor.as_view(), name="query-range"),
    path("api/query/events", querying.EventsDoor.as_view(), name="query-events"),
    path("api/query/search", querying.SearchDoor.as_view(), name="query-search"),
    path("api/sessions/<str:sid>/analytics/snapshots", figures.AnalyticsDoor.as_view(), name="analytics-snapshots"),
    path("api/sessions/<str:sid>/qc/metrics", figures.QualityDoor.as_view(), name="qc-metrics"),
    path(ALARMS, alarms.AlarmsDoor.as_view(), name="alarms"),
    path(f"{ALARMS}/<str:alarm_id>/acknowledge", alarms.AcknowledgeDoor.as_view(), name="alarm-acknowledge"),
    *(
        path(f"{prefix}/{rest}", door.as_view(), name=f"{name}-{rest}")
        for prefix, name in INFLUX.items()
        for rest, door in influx.DOORS.items()
    ),
    path(EVENTS, channels.EventsDoor.as_view(), name="events"),
    path(f"{EVENTS}/<str:event_id>", channels.EventDoor.as_view(), name="event"),
    path(DATAPOINTS, datapoints.DatapointsDoor.as_view(), name="datapoints"),
    path(f"{DATAPOINTS}/batch", datapoints.DatapointsBatchDoor.as_view(), name="datapoints-batch"),
    path(f"{DATAPOINTS}/bulk", datapoints.DatapointsBatchDoor.as_view(), name="datapoints-bulk"),
    path(f"{DATAPOINTS}/latest", datapoints.DatapointsLatestDoor.as_view(), name="datapoints-latest"),
    path(f"{DATAPOINTS}/series", datapoints.DatapointsSeriesDoor.as_view(), name="datapoints-series"),
    path(f"{DATAPOINTS}/<str:point_id>", datapoints.DatapointDoor.as_view(), name="datapoint"),
    path(
        "api/v1/experiments/<str:experiment_id>/export/csv",
        experiment_csv.ExperimentCsvDoor.as_view(),
        name="experiment-csv",
    ),
    path("api/v1/plugins", plugins.PluginsDoor.as_view(), name="plugins"),
    path(PLUGIN, plugins.PluginDoor.as_view(), name="plugin"),
    path(f"{PLUGIN}/channels", plugins.PluginChannelsDoor.as_view(), name="plugin-channels"),
    path(f"{PLUGIN}/channels/<str:mapping_id>", plugins.PluginChannelDoor.as_view(), name="plugin-channel"),
    # Last, for it takes any word in the place of the token.
    path("api/v1/<str:token>/telemetry", thingsboard.DeviceDoor.as_view(), name="thingsboard-telemetry"),
]
