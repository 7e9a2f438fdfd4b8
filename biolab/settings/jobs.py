"""Celery in every mode: the row is the job, the queue only rings."""

from kombu import Queue

CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = (Queue("default"), Queue("packaging"), Queue("stt"), Queue("decks"))
CELERY_TASK_ROUTES = {
    "package_execution_narrative_export": {"queue": "packaging"},
    "check_narrative_artifacts": {"queue": "packaging"},
    "speech.transcribe": {"queue": "stt"},
    "build_deck": {"queue": "decks"},
}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TASK_SOFT_TIME_LIMIT = 1740
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "biolab.kernel.schedules:EditableSchedule"
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "biolab.kernel.tasks.heartbeat", "schedule": 15.0},
    "forget-what-ran-out": {"task": "biolab.kernel.tasks.forget_what_ran_out", "schedule": 3600.0},
    "mail-notifications": {"task": "accounts.mail_notifications", "schedule": 30.0},
    "forget-old-notifications": {"task": "accounts.forget_old_notifications", "schedule": 86400.0},
    "look-for-silence": {"task": "telemetry.look_for_silence", "schedule": 10.0},
    "compact-readings": {"task": "telemetry.compact_readings", "schedule": 10.0},
    "sweep-imports": {"task": "telemetry.sweep_imports", "schedule": 15.0},
    "tidy-import-files": {"task": "telemetry.sweep_import_files", "schedule": 3600.0},
    "sweep-speech": {"task": "speech.sweep", "schedule": 15.0},
    "tidy-recordings": {"task": "speech.tidy", "schedule": 3600.0},
    "tidy-files": {"task": "files.tidy", "schedule": 3600.0},
    "forget-old-logs": {"task": "logs.forget_old", "schedule": 86400.0},
    "sweep-packaging": {"task": "sweep_narrative_packaging", "schedule": 15.0},
    "sweep-time-stamps": {"task": "sweep_time_stamps", "schedule": 15.0},
    "sweep-decks": {"task": "sweep_decks", "schedule": 15.0},
    "tidy-decks": {"task": "tidy_decks", "schedule": 3600.0},
    "keep-artifacts": {"task": "keep_narrative_artifacts", "schedule": 3600.0},
    "check-artifacts": {"task": "check_narrative_artifacts", "schedule": 604800.0},
}
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_CELERY_BEAT_TZ_AWARE = True
