"""``make bench NAME=…``: run one bench, print its table and keep its figures."""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import archives, codec, decks, governance, influx, ingest, lasting, live, out, small, store
from tests.bench.table import Line, Table, keep, keep_tables, show, show_table

BENCHES: dict[str, tuple[Callable[[], list[Line]], float]] = {
    "ingest-http": (ingest.ingest_http, 4.0),
    "ingest-limit": (ingest.ingest_limit, 1.0),
    "ingest-equal": (ingest.ingest_equal, 1.0),
    "ingest-sustained": (lasting.ingest_sustained, 0.6),
    "ingest-embedded": (small.ingest_embedded, 1.0),
    "ingest-influx": (influx.ingest_influx, 0.6),
    "ingest-single": (small.ingest_single, 0.35),
    "csv": (out.csv, 2.0),
    "parquet": (out.parquet, 2.0),
    "soak": (lasting.soak, 0.5),
}
TABLES: dict[str, Callable[[str], list[Table]]] = {
    "codec": codec.codec_sizes,
    "store": store.store,
    "live": live.live,
    "analytics": governance.analytics,
    "dossier": archives.dossier,
    "archive": archives.archive,
    "verify": archives.verification,
    "deck": decks.deck,
}
"""Called with what stands after a colon: ``codec:folder`` measures the recordings of a folder too."""

RESULTS = Path("bench-results")


def main(names: list[str]) -> int:
    """Run the named benches; nothing fails for being slow."""
    unknown = [name for name in names if name not in BENCHES and name.partition(":")[0] not in TABLES]
    if unknown or not names:
        print(f"make bench NAME=…  where the name is one of: {', '.join([*BENCHES, *TABLES])}", file=sys.stderr)
        return 2
    for name in names:
        kind, _, given = name.partition(":")
        if kind in TABLES:
            tables = TABLES[kind](given)
            print("\n" + "\n\n".join(map(show_table, tables)) + f"\n\nkept in {keep_tables(kind, tables, RESULTS)}")
            continue
        run, target = BENCHES[name]
        lines = run()
        print(f"\n{show(name, lines, target)}\n\nkept in {keep(name, lines, target, RESULTS)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
