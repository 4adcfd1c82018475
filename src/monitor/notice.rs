//! What people are told of a check, and how it looks as JSON and for Discord.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::config::WebhookFormat;
use super::heartbeat::State;
use crate::text;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub kind: NoticeKind,
    pub check: String,
    /// Now.
    pub state: State,
    /// Why, in the check's words.
    pub message: String,
    pub at: Timestamp,
    /// The first bad cycle of the outage.
    pub outage_began: Option<Timestamp>,
    /// The first good cycle after it.
    pub outage_ended: Option<Timestamp>,
    /// Nanoseconds; so far, while it is open.
    pub outage_ns: Option<u64>,
    pub failures: u64,
    /// Notices of changes within the flap window.
    pub changes: u64,
    /// Notices that a full queue had to let go before this one.
    #[serde(default)]
    pub dropped_before: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    Alert,
    Recovery,
    /// Still in error.
    Reminder,
    /// Goes up and down; silence follows until it holds still.
    Flapping,
    /// It flapped, and holds still now.
    Steady,
    Test,
}

impl NoticeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Alert => "alert",
            NoticeKind::Recovery => "recovery",
            NoticeKind::Reminder => "reminder",
            NoticeKind::Flapping => "flapping",
            NoticeKind::Steady => "steady",
            NoticeKind::Test => "test",
        }
    }
}

impl Notice {
    pub fn test(at: Timestamp) -> Notice {
        Notice {
            kind: NoticeKind::Test,
            check: "test".to_owned(),
            state: State::Ok,
            message: "This is a test. Nothing is wrong; alerts arrive here.".to_owned(),
            at,
            outage_began: None,
            outage_ended: None,
            outage_ns: None,
            failures: 0,
            changes: 0,
            dropped_before: 0,
        }
    }

    pub fn title(&self) -> String {
        let length = self.outage_ns.map(text::duration_ns).unwrap_or_default();
        let (check, state) = (&self.check, self.state.as_str());
        match self.kind {
            NoticeKind::Alert => format!("🔴 {check} is in error"),
            NoticeKind::Recovery => format!("🟢 {check} recovered after {length}"),
            NoticeKind::Reminder => format!("🔴 {check} is still in error, for {length}"),
            NoticeKind::Flapping => format!("🟠 {check} flaps; no more of it until it holds still (now {state})"),
            NoticeKind::Steady => format!("{} {check} holds still: {state}", mark(self.state)),
            NoticeKind::Test => "🔔 Workbridge test alert".to_owned(),
        }
    }

    fn lost(&self) -> Option<String> {
        (self.dropped_before > 0)
            .then(|| format!("{} older notices were dropped from a full queue.", self.dropped_before))
    }

    /// The body of the post. `id` is the same however often it is posted, so that a receiver can tell repetitions.
    pub fn body(&self, format: WebhookFormat, id: &str, root: &str) -> Vec<u8> {
        let value = match format {
            WebhookFormat::Json => self.plain(id, root),
            WebhookFormat::Discord => self.discord(id, root),
        };
        value.to_string().into_bytes()
    }

    fn plain(&self, id: &str, root: &str) -> serde_json::Value {
        json!({
            "version": 1,
            "id": id,
            "kind": self.kind,
            "check": self.check,
            "state": self.state,
            "title": self.title(),
            "message": self.message,
            "at": self.at,
            "outage_began": self.outage_began,
            "outage_ended": self.outage_ended,
            "outage_s": self.outage_ns.map(|ns| ns as f64 / 1e9),
            "consecutive_failures": self.failures,
            "dropped_before": self.dropped_before,
            "root": root,
        })
    }

    /// Source: <https://discord.com/developers/docs/resources/webhook#execute-webhook>; limits 256 and 4096 characters.
    fn discord(&self, id: &str, root: &str) -> serde_json::Value {
        let color = match (self.kind, self.state) {
            (NoticeKind::Flapping, _) | (_, State::Warn | State::Unknown) => 0x00f1_c40f,
            (NoticeKind::Test, _) => 0x0034_98db,
            (_, State::Error) => 0x00e7_4c3c,
            (_, State::Ok) => 0x002e_cc71,
        };
        let mut fields = Vec::new();
        let mut field =
            |name: &str, value: String| fields.push(json!({ "name": name, "value": value, "inline": true }));
        if let Some(began) = self.outage_began {
            field("Since", began.to_string());
        }
        if let Some(ended) = self.outage_ended {
            field("Until", ended.to_string());
        }
        if self.failures > 0 {
            field("Failures in a row", self.failures.to_string());
        }
        let description =
            [Some(self.message.clone()), self.lost()].into_iter().flatten().collect::<Vec<_>>().join("\n");
        json!({
            "username": "Workbridge",
            // embeds are missing in a phone's preview
            "content": clip(&self.title(), 2000),
            // a check's words must not call anyone
            "allowed_mentions": { "parse": [] },
            "embeds": [{
                "title": clip(&self.title(), 256),
                "description": clip(&description, 4096),
                "color": color,
                "timestamp": self.at,
                "fields": fields,
                "footer": { "text": clip(&format!("{root} · {id}"), 2048) },
            }],
        })
    }
}

fn mark(state: State) -> &'static str {
    match state {
        State::Ok => "🟢",
        State::Warn | State::Unknown => "🟠",
        State::Error => "🔴",
    }
}

fn clip(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
