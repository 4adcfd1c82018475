//! Labels of what only a deployment measures: it exports, and exports once more. A verification changes nothing.

use super::declare;
use crate::evidence::{Declaration, Kind};

pub const DECLARATIONS: &[Declaration] = &[
    declare(
        "export.duration",
        &[
            "Duration",
            "Export duration",
            "Export job duration",
            "Export time",
            "Export runtime",
            "Export speed",
            "Runtime",
            "Run duration",
            "Execution time",
            "Processing time",
            "Conversion time",
            "Export performance",
            "Total export time",
            "Export latency",
            "Time per export",
            "Wall time",
            "Export wall time",
            "Total runtime",
            "Total duration",
        ],
        "wall-clock time of an export of every day, reading, writing and validation included",
    )
    .of(Kind::Duration),
    declare(
        "export.deterministic",
        &[
            "Rerun",
            "Re-run",
            "Idempotency",
            "Idempotent",
            "Idempotent rerun",
            "Deterministic",
            "Determinism",
            "Deterministic output",
            "Reproducible",
            "Reproducibility",
            "Same bytes",
            "Idempotent export",
            "Idempotent exports",
            "Repeatable",
            "Repeatability",
        ],
        "a second export of the same reports gives the same bytes",
    )
    .of(Kind::State),
    declare(
        "export.dry_run",
        &["Dry run", "Dry-run mode", "Dry run mode", "Dry run test", "--dry", "--dry mode", "Dry mode"],
        "the deployed exporter runs with --dry and changes nothing",
    )
    .of(Kind::State),
    declare(
        "export.live",
        &[
            "Live export",
            "Live run",
            "Export",
            "Export run",
            "Export job",
            "Manual export",
            "Manual run",
            "Parquet export",
            "Exporter run",
        ],
        "the export of every day ran and its files lie there",
    )
    .of(Kind::State),
];
