"""What every page of the administration is built from, and the security log's own page.

- ``ServiceAdmin``: forms that save through services; a ``Refusal`` becomes a message, nothing is written.
- ``ReadOnlyAdmin``: history; nobody adds, changes or deletes here either.
- ``confirmed``: the body of a button. Buttons are links, so the first request asks and only the POST acts::

      @action(description="Publish", url_path="publish")
      def publish(self, request, object_id):
          template = self.get_object(request, object_id)
          return confirmed(self, request, template, question="Publish this template?", done="Published.",
                           work=lambda: publish_template(template=template, by=request.user, at=timezone.now()))

- ``Inline``, ``action`` and ``display`` are unfold's, typed.
- ``ListAsCsv``: every list leaves as CSV as it is filtered, by the link below it, or the chosen rows by an action.
- Whoever ``reads_only`` (a platform viewer with a place at the desk, such as an auditor) presses only the buttons that
  say ``reads=True``: they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from unfold import decorators

from biolab.kernel import security
from biolab.kernel.cells import csv_lines
from biolab.kernel.errors import Refusal
from biolab.kernel.models import SecurityEntry

if TYPE_CHECKING:  # unfold is untyped; its classes are Django's with other clothes
    from django.contrib.admin import ModelAdmin, TabularInline
else:
    from unfold.admin import ModelAdmin, TabularInline

F = TypeVar("F", bound=Callable[..., Any])


def reads_only(request: HttpRequest) -> bool:
    """Tell whether the signed-in person reads here and changes nothing."""
    return bool(getattr(request.user, "reads_only", True))


def action(*, reads: bool = False, **options: Any) -> Callable[[F], F]:
    """Return unfold's decorator of a button, keeping the method's type.

    Args:
        reads: it changes nothing, so that whoever reads only may press it too.
    """

    def button(method: F) -> F:
        @wraps(method)
        def guarded(page: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if reads_only(request) and not reads:
                raise PermissionDenied
            return method(page, request, *args, **kwargs)

        pressed = decorators.action(**options)(guarded)
        pressed.only_reads = reads
        return cast(F, pressed)

    return button


def display(**options: Any) -> Callable[[F], F]:
    """Return unfold's decorator of a column, keeping the method's type."""
    return cast("Callable[[F], F]", decorators.display(**options))


class Inline(TabularInline[Any, Any]):
    """Rows of another table on an object's page; none are added empty."""

    extra = 0


class ReadOnlyInline(Inline):
    """Rows of another table that are to be read here by whoever may see the object."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


def tell_refusal(request: HttpRequest, refusal: Refusal) -> None:
    """Show a refusal, and what is wrong field by field where it says so."""
    details = [str(error["detail"]) for error in refusal.facts.get("errors", []) if isinstance(error, dict)]
    messages.error(request, " ".join(dict.fromkeys([refusal.sentence, *details])))


def run_service(request: HttpRequest, work: Callable[[], Any], *, done: str) -> bool:
    """Run a service for the signed-in person; tell ``done``, or the refusal. Returns whether it was done."""
    try:
        work()
    except Refusal as refusal:
        tell_refusal(request, refusal)
        return False
    messages.success(request, done)
    return True


def confirmed(
    page: ModelAdmin[Any],
    request: HttpRequest,
    row: Model | None,
    *,
    question: str,
    work: Callable[[], Any],
    done: str,
    asks: str = "",
) -> HttpResponseBase:
    """Ask ``question`` on GET and do ``work`` on POST, then go back to the row (or the list).

    Args:
        asks: what the person has to write beside it; ``work`` finds it in the request as ``reason``.
    """
    meta = page.model._meta
    if row is None:
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    else:
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    if request.method == "POST":
        run_service(request, work, done=done)
        return redirect(back)
    context = {**page.admin_site.each_context(request), "title": question, "opts": meta, "row": row, "back": back}
    context["asks"] = asks
    return TemplateResponse(request, "admin/confirm.html", context)


class ListAsCsv:
    """A list that leaves as CSV: what the filters leave over, or the chosen rows; formulas are neutralised."""

    csv_columns: ClassVar[Sequence[str]] = ()
    list_after_template = "admin/export_list.html"

    def get_urls(self: Any) -> list[Any]:
        meta = self.model._meta
        door = self.admin_site.admin_view(self.export_list)
        name = f"{meta.app_label}_{meta.model_name}_export"
        urls: list[Any] = super().get_urls()  # type: ignore[misc]
        return [path("export.csv", door, name=name), *urls]

    def export_list(self: Any, request: HttpRequest) -> HttpResponseBase:
        """Stream the whole list as it is filtered, searched and ordered."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            raise Http404 from None
        return cast(StreamingHttpResponse, self.export_csv(request, rows))

    @admin.action(description="Export as CSV")
    def export_csv(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        """Stream the chosen rows; formulas are neutralised."""
        columns = list(self.csv_columns or [name for name in self.get_list_display(request) if isinstance(name, str)])
        rows = ([csv_value(self, row, name) for name in columns] for row in queryset.iterator(chunk_size=1000))
        name = f"{self.model._meta.model_name}.csv"
        return StreamingHttpResponse(
            csv_lines(columns, rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def csv_value(page: Any, row: Any, name: str) -> Any:
    """Return what a column of a list shows of a row, as text without markup."""
    value = getattr(row, name) if hasattr(row, name) else getattr(page, name)(row)
    value = value() if callable(value) else value
    if isinstance(value, SafeString):
        return strip_tags(value)
    return " · ".join(str(part) for part in value) if isinstance(value, list | tuple) else value


class ServiceAdmin(ListAsCsv, ModelAdmin[Any]):
    """Rows that people change here through services only; history names them, so nothing is deleted."""

    list_per_page = 50
    actions: Sequence[Any] = ("export_csv",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not reads_only(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not reads_only(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _filter_unfold_actions_by_permissions(
        self, request: HttpRequest, actions: list[Any], object_id: Any = None
    ) -> list[Any]:
        if reads_only(request):
            actions = [each for each in actions if getattr(each.method, "only_reads", False)]
        shown: list[Any] = super()._filter_unfold_actions_by_permissions(request, actions, object_id)  # type: ignore[misc]
        return shown

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            tell_refusal(request, refusal)
            return redirect(request.get_full_path())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST" and reads_only(request):
            raise PermissionDenied
        return super().change_view(request, object_id, form_url, extra_context)

    def row(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row a button stands on.

        Raises:
            Http404: there is none.
        """
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found


class ReadOnlyAdmin(ServiceAdmin):
    """History: to be read, filtered and exported."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SecurityEntry)
class SecurityEntryAdmin(ReadOnlyAdmin):
    """Sign-ins, refusals, roles, tokens: who, when, what."""

    list_display = ("sequence", "at", "kind", "name", "told")
    list_filter = ("kind",)
    date_hierarchy = "at"
    search_fields = ("kind", "person_id", "canonical")
    fields = ("sequence", "at", "kind", "person_id", "canonical", "prev_hash", "hash")
    readonly_fields = fields
    actions = ("export_csv",)
    actions_list = ("verify_log",)
    csv_columns = ("sequence", "at", "kind", "person_id", "canonical", "prev_hash", "hash")

    @display(description="person")
    def name(self, entry: SecurityEntry) -> str:
        return str(entry.record["person"]["name"])

    @display(description="details")
    def told(self, entry: SecurityEntry) -> str:
        return ", ".join(f"{name}: {value}" for name, value in entry.record["detail"].items())

    @action(description="Verify the log", url_path="verify", permissions=["view"], reads=True)
    def verify_log(self, request: HttpRequest) -> HttpResponse:
        verdict = security.verify()
        if verdict.valid:
            messages.success(request, f"{verdict.entries} entries hold; head {verdict.head[:16]}….")
        else:
            messages.error(request, f"Entry {verdict.first_bad} does not hold: {verdict.reason}.")
        return redirect("admin:kernel_securityentry_changelist")
