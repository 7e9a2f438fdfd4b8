"""The dossier: one session told in Markdown and HTML, pure functions of a frozen bundle."""
