//! Workbridge processes Markdown work orders and reports only what it measured.
//!
//! Data flows one way, up to the claim in [`engine::daemon`], from there on in [`engine::pipeline`]:
//! wake → scan → claim → parse → plan → gate → execute → measure → judge → report → archive.
//!
//! Two promises hold everywhere:
//! * nothing is green that was not measured: only [`evidence::Measurement`]s judge, and only code of this crate makes them;
//! * no order is ever lost, no finished step runs twice: the raw bytes are in the [`journal`] before anything runs, and a
//!   step with a durable `done` is never applied again.
//!
//! The modules in reading order; `order`, `evidence`, `report` and `Handler::plan` touch no file, clock or network, but for
//! the machine's time zone database.

// both panic where the stream can't be written to; `cli::output` tells or passes over it
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

pub mod clock;
pub mod config;
mod dates;
pub mod digest;
pub mod durable;
pub mod failpoint;
mod files;
pub mod process;
pub mod root;
pub mod secret;
mod shared_sync;
mod sqlite;
pub mod text;

pub mod order;

pub mod evidence;

pub mod report;

pub mod bridge;
pub mod engine;
pub mod handlers;
pub mod journal;

pub mod deployed;
pub mod export;
pub mod monitor;
pub mod schedule;
pub mod services;
pub mod verify;
pub mod web;

pub mod cli;
