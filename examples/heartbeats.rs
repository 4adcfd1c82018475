//! Writes heartbeats in the field's shape: `heartbeats DIR --days 3 --every 300`. For the demo, the bench and experiments.

#[path = "../tests/it/support/field.rs"]
mod field;

use std::path::PathBuf;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};

/// writes heartbeats in the field's shape
#[derive(Parser)]
struct Args {
    /// the folder to write them into
    dir: PathBuf,
    /// days of heartbeats
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// seconds between two of them
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// that many, whatever --days says
    #[arg(long)]
    count: Option<usize>,
    /// when the last one was written
    #[arg(long, value_name = "TIME", default_value_t = Timestamp::now())]
    until: Timestamp,
    /// make some of them report what goes wrong in the field: Redis down twice, a database outage, API warnings
    #[arg(long)]
    faults: bool,
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let count = args.count.unwrap_or((args.days as usize * 86_400) / args.every as usize);
    let every = SignedDuration::from_secs(i64::from(args.every));
    let mut heartbeats = field::Heartbeats::series(args.until, every, count).ending(args.until);
    if args.faults {
        let part = |n: usize| count * n / 100;
        heartbeats = heartbeats
            .redis_down(part(10)..(part(10) + 2).min(count), "undefined")
            .database_missing(part(40)..(part(40) + 9).min(count))
            .api_down(part(60)..part(74))
            .optimizer_not_loaded(part(80)..part(81));
    }
    let written = heartbeats.write(&args.dir)?;
    println!("{} heartbeats in {}", written.len(), args.dir.display());
    Ok(())
}
