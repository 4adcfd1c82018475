//! Which days an export of one day touches beside it: a report that has another day now is in the file of the old one, and
//! would count twice, or nowhere, when only one of the two were exported.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::ExportError;
use super::read;
use super::run::Job;
use super::schema::Tabular;
use super::sort::Sorted;

impl Job<'_> {
    /// The days that reports moved to or from, from `day` on, and `day` itself. `existing` are the days that have a file of ours,
    /// with the digest of what each was made of.
    pub(super) fn together<'a, T: Tabular>(
        &self,
        sorted: &Sorted<T>,
        day: Date,
        existing: impl Iterator<Item = (Date, &'a str)>,
    ) -> Result<BTreeSet<Date>, ExportError> {
        // reports that are there and are in the file of a day that is not theirs
        let mut strays: HashMap<String, Vec<Date>> = HashMap::new();
        let reach = self.reach::<T>()?;
        for (old, digest) in existing {
            if sorted.day(old).is_some_and(|sources| sources.digest == digest) {
                continue;
            }
            let mut names = HashSet::new();
            for row in sorted.rows(old) {
                names.insert(self.sorted_row(row)?.name().to_owned());
            }
            let target = self.target(T::DATASET, old);
            let read = read::open(&target).and_then(|opened| {
                opened.texts(T::DATASET.name_column(), |name| {
                    if !names.contains(name) && reach.has_seen(name) {
                        strays.entry(name.to_owned()).or_default().push(old);
                    }
                    true
                })
            });
            match read {
                // it is told when its own day is exported
                Err(error) if error.is_about(&target) => {}
                read => read?,
            }
        }
        let mut moves: BTreeMap<Date, BTreeSet<Date>> = BTreeMap::new();
        if !strays.is_empty() {
            for new in sorted.days.iter().map(|sources| sources.day) {
                for row in sorted.rows(new) {
                    for old in strays.get(self.sorted_row(row)?.name()).into_iter().flatten() {
                        moves.entry(*old).or_default().insert(new);
                        moves.entry(new).or_default().insert(*old);
                    }
                }
            }
        }
        let mut found = BTreeSet::from([day]);
        let mut next = vec![day];
        while let Some(day) = next.pop() {
            next.extend(moves.get(&day).into_iter().flatten().filter(|other| found.insert(**other)));
        }
        Ok(found)
    }

    fn sorted_row<T>(&self, row: std::io::Result<T>) -> Result<T, ExportError> {
        row.map_err(ExportError::io("read the sorted rows in", self.work_dir.path()))
    }
}
