//! Integration tests: one binary, one builder, a module an area.

mod bridge;
mod cli;
mod schedule;
mod services;
mod support;
