//! Acceptance targets, compiled: `≤ 5 MB/day`, `1× daily (02:30)`, `0 errors`, `Snappy`, `loads & runs automatically`.

use serde::{Deserialize, Serialize};

mod amount;
mod assemble;
mod compile;
mod describe;
mod explained;
mod lexer;
mod measure;
mod narrow;
mod negation;
mod range;
mod schedule;
mod setting;
mod thai;
mod words;

pub(crate) use amount::quantity;
pub(crate) use assemble::{assemble, bound_apart, unit_apart, unit_behind};
pub(crate) use compile::{begins_comparison, normalize, spacing, statistic_alone, statistic_at};
pub use compile::{comparison_in, compile};
pub(crate) use explained::{apart as explanation_apart, is_one as is_explanation};
pub(crate) use narrow::{Narrowing, is_blank};
pub(crate) use setting::is_aside;
pub(crate) use words::{CODECS, is_codec};

/// A typed target. Numbers of bytes are in bytes, of time in nanoseconds, of percent in percent points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Target {
    Compare {
        comparator: Comparator,
        number: f64,
        unit: Unit,
        per: Option<Period>,
        condition: Option<String>,
    },
    /// `10-20%`: both ends included.
    Range {
        low: f64,
        high: f64,
        unit: Unit,
    },
    /// `3/3`, `100% pass`, `All pass`.
    All {
        of: Option<u64>,
    },
    /// `p95 < 100ms`: the statistic is part of the metric.
    Statistic {
        statistic: String,
        then: Box<Target>,
    },
    /// `Snappy`: equal to this word, case folded.
    Category {
        word: String,
    },
    /// `1× daily (02:30)`, `Sundays at 03:00 Asia/Bangkok`.
    Schedule {
        times: u32,
        every: Period,
        at: Option<jiff::civil::Time>,
        weekday: Option<Weekday>,
        zone: Option<String>,
    },
    /// `OK`, `Working`, `Complete`, `Executable`.
    Ready {
        word: String,
    },
    /// `loads & runs automatically`, `Automatic`: needs a run that the service manager itself started.
    Automatic,
    /// `no file write errors`: none of what is named.
    None {
        noun: String,
    },
    /// Not understood; judges `UNMEASURED`.
    Unclear {
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparator {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = ">")]
    Greater,
    /// `±`, `~`: within 10 % of the number.
    About,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Bytes,
    Time,
    Percent,
    Count { noun: Option<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}
