//! Which rows of the file that an export replaces stay: those of reports that it has not looked at, one for one.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::reach::Reach;
use super::read::Opened;
use super::row::Row;
use super::run::Job;
use super::schema::{Tabular, key};
use super::sort::{Sorted, SourceDigest};
use super::{Dataset, ExportError};

/// The same moment has another date in another zone, at most so many days away.
const ZONE_DAYS: i64 = 2;

/// What of an earlier file stays.
pub(super) struct Kept {
    /// Names by what stays the same when a report is renamed.
    names: HashMap<Identity, BTreeSet<String>>,
    /// Why its rows are not those that it was made of.
    pub lost: Option<String>,
    /// Its rows that go because their reports are there and can't be read now: they are nowhere else.
    pub unread: u64,
}

/// The time too: reports without a time of their own have that of their name, and may be the same otherwise.
type Identity = (i64, String);

fn identity(row: &impl Row) -> Identity {
    (row.at_us(), row.sha256().to_owned())
}

impl Kept {
    pub fn has(&self, row: &impl Row) -> bool {
        self.names.get(&identity(row)).is_some_and(|names| names.contains(row.name()))
    }
}

impl Job<'_> {
    /// What stays of `earlier`, the file of `day`, beside the reports that are there now.
    pub(super) fn kept<T: Tabular>(
        &self,
        earlier: &Opened,
        day: Date,
        sorted: &Sorted<T>,
    ) -> Result<Kept, ExportError> {
        let footer = earlier.footer()?;
        let reach = self.reach::<T>()?;
        let mut digest = SourceDigest::default();
        let mut names: HashMap<Identity, BTreeSet<String>> = HashMap::new();
        let mut unread = 0;
        for row in earlier.rows::<T>()? {
            let row = row?;
            digest.add(&row);
            if !reach.has_seen(row.name()) {
                names.entry(identity(&row)).or_default().insert(row.name().to_owned());
            } else if self.is_unreadable(T::DATASET, row.name()) {
                unread += 1;
            }
        }
        let differs = footer.metadata.get(key::SOURCE_DIGEST).is_some_and(|stated| *stated != digest.finish());
        let lost = footer.short().or_else(|| differs.then(|| super::read::OTHER_ROWS.to_owned()));
        // a damaged value in a row that stays would be in the new file for good; without all its rows a file has other cells anyway
        if lost.is_none() {
            earlier.check_cells(&footer)?;
        }
        if !names.is_empty() {
            self.take_renamed(earlier, day, sorted, &mut names)?;
        }
        Ok(Kept { names, lost, unread })
    }

    /// Takes out of `names` what was only renamed: a report that is new stands for one that is gone and the same otherwise. One
    /// that the file knew already stands for itself alone. It may have another day by now, if the zone is another one.
    fn take_renamed<T: Tabular>(
        &self,
        earlier: &Opened,
        day: Date,
        sorted: &Sorted<T>,
        names: &mut HashMap<Identity, BTreeSet<String>>,
    ) -> Result<(), ExportError> {
        let mut there: Vec<(Identity, String)> = Vec::new();
        let near = (-ZONE_DAYS..=ZONE_DAYS).filter_map(|n| day.checked_add(jiff::Span::new().days(n)).ok());
        for row in near.flat_map(|day| sorted.rows(day)) {
            let row = row.map_err(ExportError::io("read the sorted rows in", self.work_dir.path()))?;
            let identity = identity(&row);
            if names.contains_key(&identity) {
                there.push((identity, row.name().to_owned()));
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        let column = T::DATASET.name_column();
        let mut old = HashSet::new();
        let sought: HashSet<&str> = there.iter().map(|(_, name)| name.as_str()).collect();
        earlier.texts(column, |name| {
            if sought.contains(name) {
                old.insert(name.to_owned());
            }
            true
        })?;
        for (identity, name) in there {
            let Some(gone) = names.get_mut(&identity) else { continue };
            // one that came back between the listing and now is no other's new name
            if !gone.remove(&name) && !old.contains(&name) {
                gone.pop_first();
            }
        }
        Ok(())
    }

    /// Whether the report of that name is there and can't be read.
    fn is_unreadable(&self, dataset: Dataset, name: &str) -> bool {
        let Some(unreadable) = self.unreadable.get().filter(|unreadable| !unreadable.is_empty()) else { return false };
        match dataset {
            Dataset::Heartbeats => unreadable.contains(&format!("{}/{name}", self.places.heartbeats)),
            Dataset::Reports => unreadable.contains(name),
        }
    }

    /// What this export has looked at, for the rows of `T`.
    pub(super) fn reach<T: Tabular>(&self) -> Result<Reach<'_>, ExportError> {
        let dir = self.listed_dir(T::DATASET);
        Ok(Reach {
            dataset: T::DATASET,
            dir: Reach::open_dir(&dir)?,
            shown: &self.places.reports,
            skip: &self.places.skip,
            closed: self.closed.get().map_or(&[], Vec::as_slice),
            own: &self.places.own,
        })
    }
}
