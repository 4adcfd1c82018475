//! `tcp`: a port accepts a connection.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe};
use crate::text;

pub const KIND: Kind = Kind::of::<Tcp>("tcp", "TCP", "a port accepts connections");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// `HOST:PORT`; `[::1]:80` for IPv6.
    pub address: String,
}

impl Check for Tcp {
    fn validate(&self) -> Result<(), String> {
        let good = self.address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if good { Ok(()) } else { Err(format!("`address` = \"{}\" is not HOST:PORT", text::line(&self.address, 60))) }
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move {
            let started = Instant::now();
            let connect = tokio::net::TcpStream::connect(self.address.as_str());
            match tokio::time::timeout_at(probe.deadline.into(), connect).await {
                Ok(Ok(_)) => {
                    let latency = started.elapsed();
                    let shown = text::duration_ns(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
                    Finding::ok(format!("{} accepts connections, {shown}", self.address)).latency(latency)
                }
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    Finding::error(format!("refused: nothing listens on {}", self.address))
                }
                Ok(Err(error)) => Finding::error(format!("{}: {}", self.address, text::line(&error.to_string(), 160))),
                Err(_) => Finding::error(format!("time-out: {} did not accept within {}", self.address, probe.within())),
            }
        })
    }
}
