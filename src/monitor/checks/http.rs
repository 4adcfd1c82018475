//! `http`: a GET that answers with the expected status. http and https only; a redirect is shown, never followed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe, State, one_or_many};
use crate::monitor::heartbeat::{API, message};
use crate::text;

pub const KIND: Kind = Kind::of::<Http>("http", API, "a URL answers with the expected status");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub url: String,
    /// One status or a list; any of 200 to 299 when unset.
    #[serde(default, deserialize_with = "one_or_many")]
    pub expect_status: Vec<u16>,
    /// Text that the first 64 KiB of the body must hold.
    #[serde(default)]
    pub contains: Option<String>,
    /// Milliseconds; a slower answer is a warning.
    #[serde(default)]
    pub slow_ms: Option<u64>,
}

const MAX_BODY: u64 = 64 * 1024;

impl Check for Http {
    fn validate(&self) -> Result<(), String> {
        http_url(&self.url).map(|_| ())?;
        match self.expect_status.iter().find(|status| !(100..=599).contains(*status)) {
            Some(status) => Err(format!("`expect_status` {status} is no HTTP status")),
            None => Ok(()),
        }
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move {
            let finding = probe.blocking(move |probe| self.look(probe)).await;
            let headline = if finding.state == State::Error { message::API_DOWN } else { message::API_OK };
            finding.headline(headline)
        })
    }
}

/// An http(s) URL without credentials in it.
pub(crate) fn http_url(text: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|error| format!("`url` is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("`url` must be http or https".to_owned());
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err("`url` must not hold a password or user name".to_owned());
    }
    Ok(url)
}

/// An agent that follows nothing, takes no proxy from the environment, and gives up after `timeout`.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("workbridge/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What went wrong with a request, in words; the URL is not among them.
pub(crate) fn why(error: &ureq::Error, within: &str) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("time-out: no answer within {within}"),
        ureq::Error::HostNotFound => "the host name can't be resolved".to_owned(),
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "refused: nothing listens there".to_owned(),
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
                format!("time-out: no answer within {within}")
            }
            _ => text::line(&error.to_string(), 160),
        },
        other => text::line(&other.to_string(), 160),
    }
}

/// A URL without its query and fragment, in which there may be a key.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl Http {
    fn look(&self, probe: &Probe) -> Finding {
        let started = Instant::now();
        let mut response = match agent(probe.remaining()).get(&self.url).call() {
            Ok(response) => response,
            Err(error) => return Finding::error(format!("{}: {}", without_query(&self.url), why(&error, &probe.within()))),
        };
        let latency = started.elapsed();
        let status = response.status().as_u16();
        let expected = match self.expect_status.as_slice() {
            [] => (200..300).contains(&status),
            list => list.contains(&status),
        };
        if !expected {
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            let to = location.map(|to| format!(" to {}, not followed", text::line(without_query(to), 100))).unwrap_or_default();
            return Finding::error(format!("{} answered {status}{to}", without_query(&self.url))).latency(latency);
        }
        if let Some(wanted) = &self.contains {
            let mut body = Vec::new();
            use std::io::Read as _;
            if let Err(error) = response.body_mut().as_reader().take(MAX_BODY).read_to_end(&mut body) {
                return Finding::error(format!("{} answered {status}, then its body broke off: {error}", without_query(&self.url)));
            }
            if !String::from_utf8_lossy(&body).contains(wanted) {
                let wanted = text::line(wanted, 60);
                return Finding::error(format!("{} answered {status} without `{wanted}`", without_query(&self.url))).latency(latency);
            }
        }
        let shown = text::duration_ns(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        let finding = if self.slow_ms.is_some_and(|slow| latency > Duration::from_millis(slow)) {
            Finding::warn(format!("{status}, but only after {shown}"))
        } else {
            Finding::ok(format!("{status} in {shown}"))
        };
        finding.latency(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::without_query;

    #[test]
    fn a_key_in_a_url_is_not_shown() {
        for (url, shown) in [
            ("http://h:1/x?token=abc", "http://h:1/x"),
            ("http://h:1/x#key=abc", "http://h:1/x"),
            ("http://h:1/x", "http://h:1/x"),
            ("?token=abc", ""),
        ] {
            assert_eq!(without_query(url), shown);
        }
    }
}
