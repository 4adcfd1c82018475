//! The queue of notices: each webhook gets its own, in order, one process at a time.
//!
//! What must hold here: a notice goes from the queue when it was delivered, when the queue is full, when it was tried in vain
//! again and again and is old, or when its webhook is gone and the other one got a copy; never for its age alone. A webhook
//! that may not be posted to yet (it asked to wait, or the gap between two posts is not over) gets nothing, whoever asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;

use super::{Store, StoreError, Write, failed, read};
use crate::monitor::notice::{Notice, NoticeKind};

/// No notice waits longer than this for its next attempt: the most that `Retry-After` may ask for, and a minute.
const WAIT_MAX_NS: i64 = 3_660 * 1_000_000_000;
/// A notice is tried at least this often before it is let go.
const ATTEMPTS_MIN: i64 = 20;

/// A notice that this process may post now.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub id: i64,
    pub notice: Notice,
    pub attempts: u32,
    pub queued: Timestamp,
}

/// How many notices wait, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct QueueState {
    pub waiting: u64,
    pub oldest: Option<Timestamp>,
    pub last_error: Option<String>,
}

impl Store {
    pub fn queue_state(&self) -> Result<QueueState, StoreError> {
        self.connection
            .query_row(
                "SELECT count(*), min(queued_ns), (SELECT last_error FROM queue WHERE last_error IS NOT NULL ORDER BY id \
                 LIMIT 1) FROM queue",
                [],
                |row| {
                    Ok(QueueState {
                        waiting: row.get::<_, i64>(0)?.try_into().unwrap_or(0),
                        oldest: row.get::<_, Option<i64>>(1)?.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok()),
                        last_error: row.get(2)?,
                    })
                },
            )
            .map_err(failed("read", &self.path))
    }

    /// The oldest notice for `webhook`, for this process alone until `until`; `None` when there is none, another process
    /// has it, its next attempt is not due (unless `impatient`), or the webhook may not be posted to yet. A webhook gets its
    /// notices in order.
    pub fn lease(
        &mut self,
        webhook: &str,
        now: Timestamp,
        until: Timestamp,
        impatient: bool,
    ) -> Result<Option<Leased>, StoreError> {
        // without a lock first: most often there is nothing
        if self.next_attempt(webhook)?.is_none() {
            return Ok(None);
        }
        self.write(|write| {
            let head = write
                .transaction
                .query_row(
                    "SELECT id, notice, attempts, queued_ns, next_ns, leased_until_ns FROM queue WHERE webhook = ?1 \
                     ORDER BY id LIMIT 1",
                    [webhook],
                    |row| {
                        let leased = (row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, i64>(3)?);
                        Ok((leased, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?))
                    },
                )
                .optional()
                .map_err(failed("read", &write.path))?;
            let Some(((id, notice, attempts, queued_ns), next_ns, leased_until_ns)) = head else { return Ok(None) };
            let now_ns = ns(now);
            // a lease far ahead is one from before the clock was set back
            let leased = leased_until_ns > now_ns && leased_until_ns <= ns(until).saturating_add(60_000_000_000);
            // likewise a next attempt that lies further ahead than any wait between two
            let waits = next_ns > now_ns && next_ns <= now_ns.saturating_add(WAIT_MAX_NS);
            let held =
                write.held(webhook)?.is_some_and(|held| held > now_ns && held <= now_ns.saturating_add(WAIT_MAX_NS));
            if leased || held || (!impatient && waits) {
                return Ok(None);
            }
            let notice =
                serde_json::from_str(&notice).map_err(|error| write.content(&format!("queued notice {id}"), &error))?;
            write.execute("UPDATE queue SET leased_until_ns = ?2 WHERE id = ?1", params![id, ns(until)])?;
            let queued = Timestamp::from_nanosecond(queued_ns.into()).unwrap_or(now);
            Ok(Some(Leased { id, notice, attempts, queued }))
        })
    }

    /// When the oldest notice for `webhook` may be tried next.
    pub fn next_attempt(&self, webhook: &str) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = self
            .connection
            .query_row(
                "SELECT max(next_ns, leased_until_ns) FROM queue WHERE webhook = ?1 ORDER BY id LIMIT 1",
                [webhook],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed("read", &self.path))?;
        let Some(next) = next else { return Ok(None) };
        let held: Holds = read(&self.connection, &self.path, "value", HELD)?.unwrap_or_default();
        let next = held.get(webhook).map_or(next, |held| next.max(*held));
        Ok(Some(Timestamp::from_nanosecond(next.into()).unwrap_or_default()))
    }

    /// A notice for `webhook` arrived; the next one may be posted at `next`.
    pub fn delivered(&mut self, id: i64, webhook: &str, next: Timestamp) -> Result<(), StoreError> {
        self.write(|write| {
            write.hold(webhook, next)?;
            write.execute("DELETE FROM queue WHERE id = ?1", params![id])
        })
    }

    /// Puts a notice back; it is tried again at `next`. `held` is until when its webhook asked to be left alone.
    pub fn put_back(
        &mut self,
        id: i64,
        webhook: &str,
        next: Timestamp,
        held: Option<Timestamp>,
        error: &str,
    ) -> Result<(), StoreError> {
        self.write(|write| {
            if let Some(held) = held {
                write.hold(webhook, held)?;
            }
            write.execute(
                "UPDATE queue SET attempts = attempts + 1, next_ns = ?2, leased_until_ns = 0, last_error = ?3 WHERE id = ?1",
                params![id, ns(next), error],
            )
        })
    }

    /// Settles what waits for webhooks that are gone, now that `names` are configured. The only one there is gets what was
    /// queued before it was there: it has got another name, or stands in the place of one that is gone. Of what came
    /// later it got a copy of its own, and the others are let go.
    pub fn adopt(&mut self, names: &[String], now: Timestamp) -> Result<Orphans, StoreError> {
        let known: BTreeMap<String, i64> = read(&self.connection, &self.path, "value", "webhooks")?.unwrap_or_default();
        let since = |name: &String| (name.clone(), known.get(name).copied().unwrap_or(ns(now)));
        let current: BTreeMap<String, i64> = names.iter().map(since).collect();
        let mut orphans = Orphans::default();
        let only = names.first().filter(|_| names.len() == 1);
        if let Some(only) = only {
            let since = current.get(only).copied().unwrap_or(0);
            let count = |when: &str| -> Result<usize, StoreError> {
                let sql = format!("SELECT count(*) FROM queue WHERE webhook <> ?1 AND queued_ns {when} ?2");
                let count: i64 = self
                    .connection
                    .query_row(&sql, params![only, since], |row| row.get(0))
                    .map_err(failed("read", &self.path))?;
                Ok(usize::try_from(count).unwrap_or(0))
            };
            orphans = Orphans { adopted: count("<=")?, let_go: count(">")? };
        }
        if known != current || orphans != Orphans::default() {
            self.write(|write| {
                if let Some(only) = only {
                    let since = current.get(only).copied().unwrap_or(0);
                    write.execute("DELETE FROM queue WHERE webhook <> ?1 AND queued_ns > ?2", params![only, since])?;
                    let adopt = "UPDATE queue SET webhook = ?1, next_ns = 0 WHERE webhook <> ?1";
                    write.execute(adopt, params![only])?;
                }
                write.put("value", "webhooks", &current)
            })?;
        }
        Ok(orphans)
    }

    /// Removes what was queued before `before` and tried in vain again and again since; gives how many. Age alone is no
    /// reason: the machine may have been off, or its clock set forward.
    pub fn expire(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let stale = "queued_ns < ?1 AND attempts >= ?2";
        let values = params![ns(before), ATTEMPTS_MIN];
        let count: i64 = self
            .connection
            .query_row(&format!("SELECT count(*) FROM queue WHERE {stale}"), values, |row| row.get(0))
            .map_err(failed("read", &self.path))?;
        if count > 0 {
            self.write(|write| write.execute(&format!("DELETE FROM queue WHERE {stale}"), values))?;
        }
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

/// What became of notices for webhooks that are no longer configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orphans {
    pub adopted: usize,
    pub let_go: usize,
}

/// Until when each webhook may not be posted to, in nanoseconds.
type Holds = BTreeMap<String, i64>;
const HELD: &str = "webhooks held until";

impl Write<'_> {
    fn held(&self, webhook: &str) -> Result<Option<i64>, StoreError> {
        let held: Option<Holds> = read(&self.transaction, &self.path, "value", HELD)?;
        Ok(held.and_then(|held| held.get(webhook).copied()))
    }

    fn hold(&self, webhook: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut held: Holds = read(&self.transaction, &self.path, "value", HELD)?.unwrap_or_default();
        // of webhooks that are gone, what is long over is forgotten
        held.retain(|_, known| *known > ns(until).saturating_sub(WAIT_MAX_NS));
        held.insert(webhook.to_owned(), ns(until));
        self.put("value", HELD, &held)
    }

    /// Queues `notice` for `webhook`. A queue that is full lets go of the oldest reminder, else of the oldest notice, and the
    /// new one says how many went.
    pub fn queue(&self, webhook: &str, notice: &Notice, now: Timestamp, max: u32) -> Result<(), StoreError> {
        let fail = failed("read", &self.path);
        let waiting: i64 = self
            .transaction
            .query_row("SELECT count(*) FROM queue WHERE webhook = ?1", [webhook], |row| row.get(0))
            .map_err(&fail)?;
        let mut notice = notice.clone();
        for _ in 0..(waiting + 1 - i64::from(max)).max(0) {
            let gone: Option<(i64, String)> = self
                .transaction
                .query_row(
                    "SELECT id, notice FROM queue WHERE webhook = ?1 ORDER BY kind <> ?2, id LIMIT 1",
                    params![webhook, NoticeKind::Reminder.as_str()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .map_err(&fail)?;
            let Some((id, json)) = gone else { break };
            let before = serde_json::from_str::<Notice>(&json).map_or(0, |gone| gone.dropped_before);
            notice.dropped_before = notice.dropped_before.saturating_add(before).saturating_add(1);
            self.execute("DELETE FROM queue WHERE id = ?1", params![id])?;
        }
        let json = serde_json::to_string(&notice).map_err(|error| self.content("a notice", &error))?;
        self.execute(
            "INSERT INTO queue (webhook, kind, notice, queued_ns) VALUES (?1, ?2, ?3, ?4)",
            params![webhook, notice.kind.as_str(), json, ns(now)],
        )
    }
}

fn ns(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, store};
    use super::*;

    fn queue(store: &mut Store, now: Timestamp) {
        store.record(|write| write.queue("ops", &Notice::test(now), now, 10)).unwrap();
    }

    #[test]
    fn a_clock_that_was_set_back_holds_no_notice_up() {
        let (_dir, mut store) = store();
        queue(&mut store, at(90_000));
        let lease = |store: &mut Store, now: i64| store.lease("ops", at(now), at(now + 15), false).unwrap();
        let leased = lease(&mut store, 90_000).expect("a notice");
        store.put_back(leased.id, "ops", at(90_300), None, "refused").unwrap();
        assert_eq!(lease(&mut store, 90_100), None, "its next attempt is not due");
        assert!(lease(&mut store, 100).is_some(), "a day earlier by the clock");
    }

    #[test]
    fn what_waits_for_a_webhook_that_is_gone_goes_to_the_other_once() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let waiting = |store: &mut Store| {
            let mut n = 0;
            while let Some(leased) = store.lease("ops", at(100), at(200), true).unwrap() {
                store.delivered(leased.id, "ops", at(100)).unwrap();
                n += 1;
            }
            n
        };
        let (_dir, mut store) = store();
        let queue = |store: &mut Store, webhook: &str, s: i64| {
            store.record(|write| write.queue(webhook, &Notice::test(at(s)), at(s), 10)).unwrap();
        };
        store.adopt(&names(&["old"]), at(0)).unwrap();
        queue(&mut store, "old", 1);
        // from here on both get their copies
        store.adopt(&names(&["old", "ops"]), at(10)).unwrap();
        for webhook in ["old", "ops"] {
            queue(&mut store, webhook, 11);
        }
        assert_eq!(waiting(&mut store), 1, "its own copy");
        let orphans = store.adopt(&names(&["ops"]), at(20)).unwrap();
        assert_eq!(orphans, Orphans { adopted: 1, let_go: 1 });
        assert_eq!(waiting(&mut store), 1, "what came before it was there");
        assert_eq!(store.adopt(&names(&["ops"]), at(30)).unwrap(), Orphans::default());
        // another name
        queue(&mut store, "ops", 31);
        let renamed = store.adopt(&names(&["new"]), at(40)).unwrap();
        assert_eq!(renamed, Orphans { adopted: 1, let_go: 0 });
    }

    #[test]
    fn a_webhook_that_asked_to_wait_is_left_alone_whoever_asks() {
        let (_dir, mut store) = store();
        queue(&mut store, at(0));
        queue(&mut store, at(1));
        let lease = |store: &mut Store, now: i64| store.lease("ops", at(now), at(now + 15), true).unwrap();
        let first = lease(&mut store, 10).expect("a notice");
        store.put_back(first.id, "ops", at(10), Some(at(70)), "429").unwrap();
        assert_eq!(lease(&mut store, 69), None, "though impatient");
        assert_eq!(store.next_attempt("ops").unwrap(), Some(at(70)));
        let again = lease(&mut store, 70).expect("the same notice");
        assert_eq!(again.id, first.id);
        store.delivered(again.id, "ops", at(100)).unwrap();
        assert_eq!(lease(&mut store, 99), None, "the gap between two");
        assert_eq!(store.next_attempt("ops").unwrap(), Some(at(100)));
        assert!(lease(&mut store, 100).is_some());
        // a clock that was set back, or forward before
        store.record(|write| write.hold("ops", at(1_000_000))).unwrap();
        assert!(lease(&mut store, 200).is_some());
    }

    #[test]
    fn age_alone_drops_no_notice() {
        let (_dir, mut store) = store();
        queue(&mut store, at(0));
        let week = at(8 * 86_400);
        assert_eq!(store.expire(week).unwrap(), 0);
        let leased = store.lease("ops", week, week, true).unwrap().expect("it is still there");
        for _ in 0..ATTEMPTS_MIN {
            store.put_back(leased.id, "ops", week, None, "refused").unwrap();
        }
        assert_eq!(store.expire(at(-1)).unwrap(), 0, "tried often, and not old");
        assert_eq!(store.expire(week).unwrap(), 1);
        assert_eq!(store.queue_state().unwrap().waiting, 0);
    }
}
