"""A page of the desk with forms: what lies before one person, what sending a form does, and the page around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyAdmin
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id


class Desk(ABC):
    """What lies before one person: which forms there are, and what sending one does.

    A form ``name`` is built by ``form(name, …)``, sent to the method ``_name`` and told of by ``done[name]``.
    """

    done: Mapping[str, str]

    def lay_out(self) -> None:
        """Lay out the forms that the person has a use for."""
        self.forms = {name: form for name in self.done if (form := self.form(name, None)) is not None}

    @abstractmethod
    def form(self, name: str, data: Any) -> forms.Form | None:
        """Return the form ``name``, filled from ``data``; None where the person has no use for it."""

    @abstractmethod
    def context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page shows beside the forms."""

    def closed(self, name: str) -> str:
        """Return why the form ``name`` does not lie here."""
        return "That is no longer possible here."

    def act(self, request: HttpRequest) -> bool:
        """Do what the sent form asks; tell what came of it. Returns whether it was done."""
        name = request.POST.get("operation", "")
        form = self.form(name, request.POST) if name in self.forms else None
        if form is None:
            messages.error(request, self.closed(name))
            return False
        self.forms[name] = form
        if not form.is_valid():
            return False
        work: Callable[[dict[str, Any]], Any] = getattr(self, f"_{name}")
        try:
            work(form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)  # beside the form, where the person is looking
            return False
        messages.success(request, self.done[name])
        return True


class SeenByStaff(ReadOnlyAdmin):
    """Pages of rows that staff read as far as they see the sessions behind them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def desk_page(self, request: HttpRequest, desk: Desk, *, title: str, template: str, **beside: Any) -> HttpResponse:
        """Show a desk and do what its forms ask; no transaction is open around the services."""
        if request.method == "POST" and desk.act(request):
            return redirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "forms": desk.forms,
            **desk.context(request),
            **beside,
        }
        return TemplateResponse(request, template, context, status=422 if request.method == "POST" else 200)


class DeskAdmin(SeenByStaff):
    """Rows of which each lies on a desk of its own."""

    desk_template: ClassVar[str]

    def laid(self, person: User) -> QuerySet[Any]:
        """Return the rows that the person sees, with what their desks show."""
        raise NotImplementedError

    def desk(self, row: Any, request: HttpRequest) -> Desk:
        """Return the desk of ``row`` before the person who asks."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one row's desk and do what its forms ask."""
        model: Any = self.model
        found = parse_id(object_id, model.id_prefix) if self.has_view_permission(request) else None
        row: Model | None = self.laid(cast(User, request.user)).filter(pk=found).first() if found is not None else None
        if row is None:
            raise Http404
        desk, beside = self.desk(row, request), self.beside(row)
        return self.desk_page(request, desk, title=str(row), template=self.desk_template, **beside)

    def beside(self, row: Any) -> dict[str, Any]:
        """Return what is read beside the forms and that only a higher floor knows, which overrides this."""
        return {}
