//! Which days are exported, why, and what stands in their place now.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;

use super::run::Job;
use super::schema::{READER, Tabular, key};
use super::sort::Sorted;
use super::{Damaged, Dataset, Days, ExportError, ExportReport, Why, paths, read};

/// A day to export.
pub(super) struct Chosen {
    pub day: Date,
    pub why: Why,
    pub earlier: Earlier,
}

/// The file of a day before this export. None is open: there may be many.
pub(super) enum Earlier {
    /// None, or one that is not ours.
    None,
    Ours {
        /// Whether it was made of the very reports that are there now, so that none of its rows has to be kept.
        same_sources: bool,
        /// Of what it was made of.
        digest: String,
    },
    /// It can't be read, or lost rows, for this reason.
    Damaged(String),
    /// Ours, with so many rows of reports that can't be read now.
    Unread(u64),
}

/// What a file that stands in a day's place says.
enum Standing {
    Ours(Ours),
    Damaged(String),
}

/// A file of ours, as its footer has it.
struct Ours {
    /// Of what it was made of.
    digest: String,
    timezone: String,
    /// Empty: of the first reader.
    reader: String,
    is_compressed_otherwise: bool,
    /// Why it has not the rows that it was made of.
    lost: Option<String>,
}

impl Job<'_> {
    /// The days to export, in order.
    pub(super) fn choose<T: Tabular>(
        &self,
        sorted: &Sorted<T>,
        report: &mut ExportReport,
    ) -> Result<Vec<Chosen>, ExportError> {
        let mut existing = self.existing(T::DATASET)?;
        let mut chosen = Vec::new();
        for (day, why) in self.candidates(sorted, &existing)? {
            let mut standing = existing.remove(&day);
            // nobody else would see that a file which stays as it is has lost a bit
            if why.is_none()
                && let Some(reason) = self.damage::<T>(day, standing.as_ref())?
            {
                standing = Some(Standing::Damaged(reason));
            }
            let has_reports = sorted.day(day).is_some();
            match &standing {
                None if !has_reports => {
                    report.empty_days.push(day);
                    continue;
                }
                Some(Standing::Damaged(reason) | Standing::Ours(Ours { lost: Some(reason), .. })) if !has_reports => {
                    self.report_damaged::<T>(day, reason.clone(), report);
                    continue;
                }
                _ => {}
            }
            let why = match (why, &standing) {
                (Some(why), _) => why,
                (None, Some(Standing::Ours(Ours { lost: Some(_), .. }))) => Why::Late,
                (None, Some(Standing::Ours(ours))) => match self.is_late(sorted, day, &ours.digest) {
                    Ok(true) => Why::Late,
                    // where no report of it is there, it stays what it says it is
                    Ok(false) if has_reports && ours.timezone != self.config.export.timezone => Why::Zone,
                    Ok(false) if has_reports && ours.reader != READER => Why::Reader,
                    // also where no report of it is there: its rows are taken over
                    Ok(false) if ours.is_compressed_otherwise => Why::Compression,
                    Ok(false) => continue,
                    Err(error) if error.is_about(&self.target(T::DATASET, day)) => {
                        self.report_damaged::<T>(day, error.to_string(), report);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
                (None, _) => Why::Late,
            };
            let earlier = match standing {
                None => Earlier::None,
                Some(Standing::Damaged(reason)) => Earlier::Damaged(reason),
                Some(Standing::Ours(ours)) => Earlier::Ours {
                    same_sources: ours.lost.is_none()
                        && sorted.day(day).is_some_and(|sources| sources.digest == ours.digest),
                    digest: ours.digest,
                },
            };
            chosen.push(Chosen { day, why, earlier });
        }
        Ok(chosen)
    }

    /// The days that may have to be exported; with no reason where that depends on their reports.
    fn candidates<T: Tabular>(
        &self,
        sorted: &Sorted<T>,
        existing: &BTreeMap<Date, Standing>,
    ) -> Result<BTreeMap<Date, Option<Why>>, ExportError> {
        let known = sorted.days.iter().map(|sources| sources.day).chain(existing.keys().copied());
        Ok(match self.request.days {
            Days::One(day) => {
                let ours = existing.iter().filter_map(|(day, standing)| match standing {
                    Standing::Ours(ours) => Some((*day, ours.digest.as_str())),
                    Standing::Damaged(_) => None,
                });
                let together = self.together(sorted, day, ours)?;
                let why = |other| if other == day { Why::Requested } else { Why::Late };
                together.into_iter().map(|day| (day, Some(why(day)))).collect()
            }
            Days::All => known.map(|day| (day, Some(Why::Requested))).collect(),
            Days::Due => {
                let mut candidates: BTreeMap<_, _> = known.map(|day| (day, None)).collect();
                if let Ok(yesterday) = self.today.yesterday() {
                    candidates.insert(yesterday, Some(Why::Yesterday));
                }
                candidates.insert(self.today, Some(Why::Today));
                candidates
            }
        })
    }

    /// What stands in the place of the days of `dataset`. Files that are not ours are left for publishing to set aside.
    fn existing(&self, dataset: Dataset) -> Result<BTreeMap<Date, Standing>, ExportError> {
        let mut found = BTreeMap::new();
        for path in read::parquet_files(&self.analytics)? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some((_, day)) = Dataset::of_file_name(&name).filter(|(kind, _)| *kind == dataset) else { continue };
            match read::open(&path).and_then(|opened| opened.footer()) {
                Ok(mut footer) if footer.is_ours() && footer.misplaced(&path).is_none() => {
                    let lost = footer.short();
                    let wanted = self.compression.to_string();
                    let is_compressed_otherwise =
                        footer.codecs().iter().any(|codec| !codec.eq_ignore_ascii_case(&wanted));
                    let mut take = |key| footer.metadata.remove(key).unwrap_or_default();
                    let (digest, timezone) = (take(key::SOURCE_DIGEST), take(key::TIMEZONE));
                    let reader = take(key::READER);
                    let ours = Ours { digest, timezone, reader, is_compressed_otherwise, lost };
                    found.insert(day, Standing::Ours(ours));
                }
                Ok(_) => {}
                Err(error) => {
                    found.insert(day, Standing::Damaged(error.to_string()));
                }
            }
        }
        Ok(found)
    }

    pub(super) fn target(&self, dataset: Dataset, day: Date) -> PathBuf {
        self.analytics.join(dataset.file_name(day))
    }

    /// Why a file of ours that stands in the place of `day` has other cells than were written to it.
    fn damage<T: Tabular>(&self, day: Date, standing: Option<&Standing>) -> Result<Option<String>, ExportError> {
        let Some(Standing::Ours(Ours { lost: None, .. })) = standing else { return Ok(None) };
        let target = self.target(T::DATASET, day);
        match read::open(&target).and_then(|opened| opened.check_cells(&opened.footer()?)) {
            Ok(()) => Ok(None),
            Err(error) if error.is_about(&target) => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }

    pub(super) fn report_damaged<T: Tabular>(&self, day: Date, reason: String, report: &mut ExportReport) {
        let path = paths::shown(self.root.path(), &self.target(T::DATASET, day));
        report.damaged.push(Damaged { path, reason, kept: None });
    }

    /// Whether the reports of `day` differ from those that its file was made of, which have `digest`.
    fn is_late<T: Tabular>(&self, sorted: &Sorted<T>, day: Date, digest: &str) -> Result<bool, ExportError> {
        if let Some(sources) = sorted.day(day) {
            return Ok(digest != sources.digest);
        }
        // its reports were rotated away, or one of them now has another day
        let reach = self.reach::<T>()?;
        let mut none_is_there = true;
        read::open(&self.target(T::DATASET, day))?.texts(T::DATASET.name_column(), |name| {
            none_is_there = !reach.has_seen(name);
            none_is_there
        })?;
        Ok(!none_is_there)
    }
}
