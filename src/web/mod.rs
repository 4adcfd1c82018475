//! `/metrics` (Prometheus text) and `/healthz` (200/503) on loopback, from `wo up`.
//!
//! What must hold: it listens on loopback only and answers only to loopback names, so that no page in a browser can read it
//! under another name; it reads what the monitor recorded and changes nothing; a port that is taken is a warning.

mod metrics;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::root::Root;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, try_from = "Raw")]
pub struct WebConfig {
    /// Off, nothing listens.
    pub enabled: bool,
    /// A loopback address and a port; port 0 takes any that is free.
    pub listen: SocketAddr,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    enabled: bool,
    listen: String,
}

impl Default for Raw {
    fn default() -> Self {
        Raw { enabled: true, listen: "127.0.0.1:4902".to_owned() }
    }
}

impl Default for WebConfig {
    fn default() -> Self {
        WebConfig { enabled: true, listen: SocketAddr::from(([127, 0, 0, 1], 4902)) }
    }
}

impl TryFrom<Raw> for WebConfig {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let text = match raw.listen.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => raw.listen.clone(),
        };
        let listen: SocketAddr =
            text.parse().map_err(|_| format!("listen = \"{}\" is not ADDRESS:PORT", crate::text::line(&text, 60)))?;
        if !listen.ip().is_loopback() {
            return Err(format!(
                "listen = \"{listen}\" is not a loopback address; put a proxy in front to serve others"
            ));
        }
        Ok(WebConfig { enabled: raw.enabled, listen })
    }
}

/// What the pages are made of.
#[derive(Clone)]
pub(crate) struct Pages {
    root: Root,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
}

/// A server that listens.
pub struct Server {
    /// Where, with the port that was taken.
    pub address: SocketAddr,
    pub thread: JoinHandle<()>,
}

/// Starts the server on a thread of its own; it ends when `shutdown` becomes true. `None` when it is off, or can't listen,
/// which is a warning: orders and heartbeats do not depend on it.
pub fn start(
    root: Root,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    shutdown: watch::Receiver<bool>,
) -> Option<Server> {
    if !config.web.enabled {
        return None;
    }
    let listen = config.web.listen;
    let pages = Pages { root, config, clock };
    match serve(listen, pages, shutdown) {
        Ok(server) => Some(server),
        Err(error) => {
            tracing::warn!(
                "no metrics: failed to listen on {listen}: {error}\nhint: another `wo up`, or another program, has the \
                 port; set `listen` or `enabled = false` under [web]"
            );
            None
        }
    }
}

fn serve(listen: SocketAddr, pages: Pages, mut shutdown: watch::Receiver<bool>) -> std::io::Result<Server> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("web".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::warn!("no metrics: {error}"),
            };
            let stopped = async move {
                // an error: nobody can stop it any more, so nobody wants it
                let _ = shutdown.wait_for(|stop| *stop).await;
            };
            let served = axum::serve(listener, router(pages)).into_future();
            tokio::select! {
                result = served => if let Err(error) = result { tracing::warn!("metrics ended: {error}") },
                // a reader that holds its connection open must not hold the end up
                () = stopped => {}
            }
        });
        runtime.shutdown_background();
    })?;
    Ok(Server { address, thread })
}

fn router(pages: Pages) -> axum::Router {
    axum::Router::new()
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(show_health))
        .layer(middleware::from_fn(loopback_names_only))
        .with_state(pages)
}

/// A name that an attacker's DNS points to 127.0.0.1 is not one of ours.
async fn loopback_names_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_none_or(is_loopback_name) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "this server answers to loopback names only\n").into_response()
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn show_metrics(State(pages): State<Pages>) -> Response {
    match blocking(move || metrics::render(&pages)).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
    }
}

async fn show_health(State(pages): State<Pages>) -> Response {
    let health = blocking(move || Ok(metrics::health(&pages))).await.unwrap_or_else(metrics::Health::unknown);
    let code = if health.healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&health).unwrap_or_default();
    (code, [(header::CONTENT_TYPE, "application/json")], body + "\n").into_response()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        let parse = |listen: &str| toml::from_str::<WebConfig>(&format!("listen = '{listen}'")).map(|web| web.listen);
        for good in ["127.0.0.1:4902", "127.3.2.1:1", "[::1]:9000", "localhost:80"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:4902", "192.168.1.2:80", "[::]:80", "example.org:80", "4902"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(toml::from_str::<WebConfig>("").unwrap(), WebConfig::default());
    }

    #[test]
    fn only_loopback_names_are_answered() {
        for good in ["127.0.0.1", "127.0.0.1:4902", "localhost:4902", "LOCALHOST", "[::1]:4902", "[::1]"] {
            assert!(is_loopback_name(good), "{good}");
        }
        for bad in ["evil.example", "evil.example:4902", "127.0.0.1.evil.example", "192.168.0.1:80", ""] {
            assert!(!is_loopback_name(bad), "{bad}");
        }
    }
}
