//! Integration tests: one binary, one builder, a module an area.
// clippy.toml lets tests panic, but knows only the functions marked as tests, not their helpers
#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod beside;
mod bridge;
mod cli;
mod commands;
mod corpora;
mod demo;
mod engine;
mod export;
mod faults;
mod gates;
mod hold;
mod journal;
mod launchd;
mod monitor;
mod monitor_fix;
mod notices;
mod orders;
mod orphans;
mod outlived;
mod packaging;
mod promises;
mod query;
mod redeploy;
mod reports;
mod revisions;
mod schedule;
mod services;
mod stopping;
mod stuck;
mod subjects;
mod support;
mod verification;
mod verify;
mod wishes;
