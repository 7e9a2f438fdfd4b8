"""From here on the security log only grows."""

from django.db import migrations

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]

    operations = [AppendOnly("SecurityEntry")]
