//! A slot, a place where a template may be written on: its kinds, and what each is about.

use std::sync::Arc;

use super::outline::Span;
use crate::order::Command;
use crate::report::dates::DateToken;
use crate::report::marks::{Form, Mark};
use crate::report::verdicts;

#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    pub span: Span,
    pub kind: SlotKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SlotKind {
    /// `$(date '+%F')`.
    ShellDate,
    DateToken(DateToken),
    /// `{{ order.id }}`.
    Expression,
    Cell(CellSlot),
    /// A row that ends before its table's columns do: what the missing cells are for.
    MissingCells {
        row: Arc<RowSubject>,
        roles: Vec<Role>,
        closed: bool,
    },
    /// The mark of a `Confirms:` line, or the place of one.
    TestMark {
        test: Arc<Test>,
        was: Option<Mark>,
        /// What the line says behind it.
        claim: String,
    },
    /// Behind an `Expected:` block.
    TestResult {
        test: Arc<Test>,
        /// What lines of the container begin with.
        prefix: String,
        /// Whether a blank line must follow.
        blank_after: bool,
    },
    /// The value of a `**Result:** ✅ …` line behind the command of a test.
    TestStatus {
        test: Arc<Test>,
        /// What its green words say beyond that it passed.
        claim: String,
    },
    /// The mark of a line of a verdict list, or the place of one.
    Verdict {
        list: usize,
        line: usize,
        form: Form,
        was: Option<Mark>,
    },
    /// One more green sign in a line of a verdict list.
    VerdictSign {
        list: usize,
        line: usize,
        was: Mark,
    },
    /// A sign of a verdict below what names a thing: the outcome's where that is the order itself, else what works of it.
    VerdictOf {
        list: usize,
        names: Vec<String>,
        was: Mark,
        /// Another sign of the line was before it.
        repeats: bool,
    },
    /// Behind a verdict list: the outcome, where no line of it fits.
    VerdictEnd {
        list: usize,
        prefix: String,
        /// Whether the lines are a paragraph's, so that a blank line must part them from it.
        apart: bool,
    },
    /// The mark of a checklist item.
    Check {
        names: Vec<String>,
        was: Mark,
        /// One more mark behind the first, which says the rest: `[x] ✅ Redis`.
        repeats: bool,
    },
    /// `☐ Pending / ✅ Verified` behind an item's name.
    Choice {
        names: Vec<String>,
        was: String,
    },
    /// The value of a `**Status:** ✅ …` line. The whole order's when `names` is empty or names it.
    Status {
        names: Vec<String>,
        was: String,
    },
}

/// An operational test.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub commands: Vec<Command>,
    /// Of the last command.
    pub expected: Option<Expected>,
}

/// What stands in or behind `Expected:`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub text: String,
    /// Output as it is, in a fence, in code marks or a number; anything else is prose about it.
    pub is_literal: bool,
}

/// A cell of the author's beside a row's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    pub header: String,
    pub text: String,
}

/// What a table row is about.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSubject {
    pub kind: TableKind,
    pub names: Vec<String>,
    /// The paths, service labels and hosts in the author's other cells.
    pub beside: Vec<String>,
    /// Those cells that say whose the subject is.
    pub whose: Vec<Whose>,
    /// What else stands in them.
    pub said: Vec<Aside>,
    /// Whether one of them says something in words, of which a time in front is but the time.
    pub is_told: bool,
    /// As plain text; both are criteria in [`TableKind::Metrics`].
    pub metric: String,
    pub target: String,
    /// Whether another column holds the measured value, so that the status is a verdict alone.
    pub value_elsewhere: bool,
    /// `Overall Status`: the row is about the whole order, or about what its place is about.
    pub is_whole: bool,
    /// The names of that thing, which may be the order too; none for the whole order.
    pub place: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CellSlot {
    pub row: Arc<RowSubject>,
    pub part: Part,
    /// The cell as it came.
    pub was: String,
    pub blank: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Actual,
    Status,
    Details,
    Evidence,
    /// Only a sign in a cell of the author's.
    Sign,
    /// A sign in a cell that says by it how things are, in a table whose columns are not known.
    Claim,
    /// The cell of a Pass column beside a Fail column.
    Pass,
    /// The cell of a Fail column: never green.
    Fail,
}

/// A row of a metrics table.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// As plain text, like its target.
    pub metric: String,
    pub target: String,
    pub span: Span,
    /// As in [`RowSubject`]. What is about the whole order is no criterion unless the order binds it.
    pub is_whole: bool,
    pub place: Vec<String>,
}

/// The lines of verdict lists, by list.
pub type VerdictLists = std::collections::BTreeMap<usize, Vec<Option<verdicts::Class>>>;

/// A cell that says whose the row's subject is.
#[derive(Debug, Clone, PartialEq)]
pub struct Whose {
    pub text: String,
    /// Its column holds nothing but names: one that isn't known is somebody else's.
    pub is_name: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Label,
    Target,
    Actual,
    Status,
    Details,
    /// Ids of measurements.
    Evidence,
    /// Ticked where it works, beside a [`Role::Fail`].
    Pass,
    /// Crossed where it doesn't.
    Fail,
    /// The author's own words.
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// `Metric | Target | Actual | Status`.
    Metrics,
    /// `Component | Status | Details`.
    Components,
    /// `Component | State`.
    States,
    /// A column says how things are, but what they are is not known: only what is green there is looked at.
    Other,
}
