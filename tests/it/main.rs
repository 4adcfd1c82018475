//! Integration tests: one binary, one builder, a module an area.

mod bridge;
mod cli;
mod demo;
mod engine;
mod export;
mod journal;
mod launchd;
mod monitor;
mod orders;
mod packaging;
mod query;
mod reports;
mod schedule;
mod services;
mod support;
mod verify;
