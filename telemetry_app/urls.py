"""Pages of the instruments."""

from django.urls import path

from telemetry_app.pages import channels, imports, session_channel, tokens

IN_SESSION = "sessions/<str:sid>/channels/<str:channel_id>"

urlpatterns = [
    path("channels", channels.ChannelsPage.as_view(), name="page-channels"),
    path("channels/new", channels.NewChannelPage.as_view(), name="page-channel-new"),
    path("channels/<str:channel_id>", channels.ChannelPage.as_view(), name="page-channel"),
    path(IN_SESSION, session_channel.SessionChannelPage.as_view(), name="page-session-channel"),
    path(f"{IN_SESSION}/parts/<str:part>", session_channel.SessionChannelPart.as_view(), name="page-channel-part"),
    path(
        f"{IN_SESSION}/alarms/<str:alarm_id>",
        session_channel.AcknowledgeOnChannel.as_view(),
        name="page-channel-alarm",
    ),
    path("sessions/<str:sid>/import", imports.ImportPage.as_view(), name="page-import"),
    path("sessions/<str:sid>/import/preview", imports.ImportPreview.as_view(), name="page-import-preview"),
    path("sessions/<str:sid>/import/jobs", imports.ImportJobs.as_view(), name="page-import-jobs"),
    path("sessions/<str:sid>/import/<str:job_id>/retry", imports.RetryImport.as_view(), name="page-import-retry"),
    path("tokens", tokens.TokensPage.as_view(), name="page-tokens"),
    path("tokens/<str:token_id>/revoke", tokens.RevokeToken.as_view(), name="page-token-revoke"),
]
