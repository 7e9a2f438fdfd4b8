"""What every form of the desk asks for that signs: the name as written, and the components given again."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from biolab.accounts.services.reentry import Asked


class SigningForm(forms.Form):
    """A signature, with the components that the person's next one takes; the code only where they have a device."""

    prefix_id: ClassVar[str]

    signature = forms.CharField(
        label="Your name, as your signature",
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    totp = forms.CharField(
        label="Code of your device",
        max_length=10,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, data: Any = None, *, asked: Asked) -> None:
        super().__init__(data, auto_id=f"{self.prefix_id}-%s")
        self.fields["password"].required, self.fields["totp"].required = asked.password, asked.totp
        if asked.either:
            self.fields["totp"].help_text = "Your password or a code will do: you have signed a moment ago."
        elif not asked.totp:
            del self.fields["totp"]
