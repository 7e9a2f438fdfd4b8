"""How the administration looks."""

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "BioLab",
    "SITE_HEADER": "BioLab",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "DASHBOARD_CALLBACK": "governance_app.admin.start.start_page",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_ICON": lambda request: static("img/mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/mark.svg")}],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "#eefaf6",
            "100": "#d5f2e8",
            "200": "#aee4d3",
            "300": "#7bd0b8",
            "400": "#4fb99d",
            "500": "#2c9c80",
            "600": "#0b6e5c",
            "700": "#0a5b4d",
            "800": "#0b493f",
            "900": "#0b3d35",
            "950": "#052420",
        },
    },
}
