//! When the export is to run: what an order says of it, and of no other job. Pure.
//!
//! The criteria that are bound to the export's schedule say it, else one that names nobody's; else the requirements that
//! speak of the export, else those that name nobody. All are read by the parser of targets. Where an order names two times
//! the standard one stays, with a note that names both: nothing is scheduled at a time that nobody ordered. A time that is
//! not used is told, too.

use super::DECLARED;
use super::said::{self, Reader, Said, Subject, When};
use crate::deployed::record::Deployment;
use crate::evidence::{Binder, Binding};
use crate::order::target::{Period, Target};
use crate::order::{Item, Order};

fn is_standard(when: &When, deployment: &Deployment) -> bool {
    when.at.is_none_or(|at| at == deployment.at) && when.weekday == deployment.weekday
}

/// `daily at 02:30`, `Sundays at 03:00`.
pub fn in_words(deployment: &Deployment) -> String {
    let at = deployment.at.strftime("%H:%M");
    match deployment.weekday {
        None => format!("daily at {at}"),
        Some(day) => format!("{day:?}s at {at}"),
    }
}

/// The schedule as a criterion's target.
pub fn target(deployment: &Deployment) -> String {
    match deployment.weekday {
        None => format!("1× daily ({})", deployment.at.strftime("%H:%M")),
        Some(_) => in_words(deployment),
    }
}

/// Times of `all`, each as it is written.
fn named(all: &[When]) -> String {
    all.iter().map(|when| format!("`{}`", when.text)).collect::<Vec<_>>().join(" and ")
}

fn timed(all: &[When]) -> Vec<When> {
    all.iter().filter(|when| when.at.is_some()).cloned().collect()
}

/// Sets when the export runs. Where the order says it elsewhere than in a criterion that is bound to it, the answer is that
/// as the target of one.
pub fn adopt(order: &Order, deployment: &mut Deployment, notes: &mut Vec<String>) -> Option<String> {
    let (accepted, is_bound) = of_criteria(order, &deployment.label, notes);
    let said = of_requirements(order, &deployment.label, notes);
    let required = required(&said);
    // an acceptance that only says `1× daily` leaves the time to the requirements
    let chosen = match (timed(&accepted), timed(&required)) {
        (times, others) if !times.is_empty() => {
            if let [time] = times.as_slice()
                && others.iter().any(|other| other.at != time.at)
            {
                let others = named(&others);
                notes.push(format!(
                    "the acceptance says {}, a requirement {others}: the acceptance counts",
                    named(&times)
                ));
            }
            times
        }
        (_, times) if !times.is_empty() => times,
        _ => accepted.iter().chain(&required).cloned().collect(),
    };
    let found = match chosen.as_slice() {
        [] => None,
        [when] => {
            take(when, &accepted, deployment, notes);
            (!is_bound || !accepted.contains(when)).then(|| target(deployment))
        }
        several => {
            match several.iter().find(|when| is_standard(when, deployment)) {
                Some(standard) => {
                    notes.push(format!(
                        "the order names two times, {}; `{}` is the standard one",
                        named(several),
                        standard.text
                    ));
                }
                None => notes.push(format!(
                    "the order names two times, {}; the export stays at {}, and runs once a day or a week\n\
                     hint: name one, as a criterion `Export schedule`",
                    named(several),
                    deployment.at.strftime("%H:%M")
                )),
            }
            None
        }
    };
    // those of `required` with a time are used or named by now
    let told = timed(&required);
    tell_unused(&said, &told, deployment, notes);
    found
}

fn take(when: &When, accepted: &[When], deployment: &mut Deployment, notes: &mut Vec<String>) {
    if let Some(at) = when.at {
        deployment.at = at;
    }
    // `weekly on Sundays` in the acceptance, the time in a requirement
    deployment.weekday = when.weekday.or_else(|| accepted.iter().find_map(|other| other.weekday));
    if let Some(zone) = &when.zone {
        notes.push(format!("`{}`: services run in this machine's zone, not in {zone}", when.text));
    }
}

/// Most times that one note names.
const NAMED: usize = 5;

/// A time that an order names and that nothing runs at is told, whosever it is.
fn tell_unused(said: &[Said], told: &[When], deployment: &Deployment, notes: &mut Vec<String>) {
    let mut unused: Vec<When> = Vec::new();
    let mut is_sure = true;
    for Said { when, subject, .. } in said {
        let is_used = is_standard(when, deployment) || (when.at.is_none() && when.weekday == deployment.weekday);
        // a day alone is another job's as a rule
        let is_theirs = *subject == Subject::Other && when.at.is_none();
        if !is_used && !is_theirs && !told.iter().any(|known| known.is_as(when)) && unused.len() <= NAMED {
            push(&mut unused, when.clone());
            is_sure &= *subject == Subject::Other;
        }
    }
    if unused.is_empty() {
        return;
    }
    let more = if unused.len() > NAMED { " and others" } else { "" };
    unused.truncate(NAMED);
    let names = unused.iter().map(|when| format!("`{}`", crate::text::line(&when.text, 60))).collect::<Vec<_>>();
    let hint = if is_sure { "" } else { "\nhint: say when the export is to run as a criterion `Export schedule`" };
    notes.push(format!(
        "the requirements name {}{more}, which is not taken for the export's; it runs {}{hint}",
        names.join(", "),
        in_words(deployment)
    ));
}

fn push(found: &mut Vec<When>, when: When) {
    if !found.iter().any(|known| known.is_as(&when)) {
        found.push(when);
    }
}

/// What the criteria say, and whether those say it that are bound to the schedule.
fn of_criteria(order: &Order, label: &str, notes: &mut Vec<String>) -> (Vec<When>, bool) {
    let binder = Binder::new(&order.bindings, &DECLARED);
    let mut bound_ones = Vec::new();
    let mut others = Vec::new();
    for criterion in &order.acceptance {
        let Target::Schedule { times, every, at, weekday, zone } = &criterion.compiled else { continue };
        let when = || When { at: *at, weekday: *weekday, zone: zone.clone(), text: criterion.target.trim().to_owned() };
        match binder.bind(criterion) {
            Binding::Bound { key, .. } if key == "export.schedule" || key == "export.frequency" => {
                if !matches!(every, Period::Day | Period::Week) || *times > 1 {
                    notes.push(format!("`{}`: this handler schedules one run a day or a week", criterion.target));
                } else if at.is_some() || weekday.is_some() {
                    push(&mut bound_ones, when());
                }
            }
            _ if at.is_none() || !matches!(every, Period::Day | Period::Week) => {}
            Binding::Bound { key, .. } => notes.push(format!(
                "`{}`: {key} is no time to run at; that is `Export schedule`",
                crate::text::line(&criterion.target, 60)
            )),
            _ if said::is_of_runs(&criterion.metric, label) => others.push(when()),
            // its row says that nothing measures it
            _ if said::names_other(&criterion.metric, label) => {}
            _ => notes.push(format!(
                "`{} | {}` is not taken for the time of the export\n\
                 hint: say when it is to run as a criterion `Export schedule`",
                crate::text::line(&criterion.metric, 60),
                crate::text::line(&criterion.target, 60)
            )),
        }
    }
    let is_bound = others.is_empty() || !timed(&bound_ones).is_empty();
    if !is_bound {
        others.into_iter().for_each(|when| push(&mut bound_ones, when));
    }
    (bound_ones, is_bound)
}

/// Whether a criterion that is bound to the export's schedule says when or how often it runs.
pub fn is_accepted(order: &Order) -> bool {
    let binder = Binder::new(&order.bindings, &DECLARED);
    order
        .acceptance
        .iter()
        .any(|criterion| matches!(binder.key_of(criterion).as_deref(), Some("export.schedule" | "export.frequency")))
}

/// Whether the requirements name a day of the week to run on.
pub fn requires_day(order: &Order, label: &str) -> bool {
    of_requirements(order, label, &mut Vec::new()).iter().any(|said| said.to_run && said.when.weekday.is_some())
}

fn of_requirements(order: &Order, label: &str, notes: &mut Vec<String>) -> Vec<Said> {
    let mut reader = Reader::new(label);
    for item in &order.requirements {
        of_requirement(item, Subject::Unsaid, &mut reader);
    }
    if reader.is_spent() {
        notes.push("the requirements name more times than are looked at; the last ones were not".to_owned());
    }
    if let Some(part) = &reader.weekdays {
        notes.push(format!(
            "`{}`: this handler schedules one run a day or a week, not on weekdays",
            crate::text::line(part, 80)
        ));
    }
    reader.said
}

/// What an item says is about what it is nested in, unless it names another.
fn of_requirement(item: &Item, before: Subject, reader: &mut Reader<'_>) {
    let subject = reader.read(&item.text, before);
    for child in &item.children {
        of_requirement(child, subject, reader);
    }
}

/// The export's by name; else, of what names nobody, that which is a time to run at.
fn required(said: &[Said]) -> Vec<When> {
    let mut found = Vec::new();
    for wanted in [Subject::Export, Subject::Unsaid] {
        let of_it = said.iter().filter(|said| said.to_run && said.subject == wanted);
        if timed(&found).is_empty() {
            of_it.for_each(|said| push(&mut found, said.when.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::order::target::Weekday;

    /// `HH:MM` and the day that an order with this acceptance and these requirements gets, and how many notes.
    fn deployed(frequency: &str, requirements: &str) -> (String, Option<Weekday>, Vec<String>) {
        let order = order(frequency, requirements);
        let mut deployment = Deployment::standard(&Config::default());
        let mut notes = Vec::new();
        adopt(&order, &mut deployment, &mut notes);
        (deployment.at.strftime("%H:%M").to_string(), deployment.weekday, notes)
    }

    fn order(frequency: &str, requirements: &str) -> Order {
        let text = format!(
            "# Work Order: WO-1-PARQUET-EXPORTER\n\n## Requirements\n\n{requirements}\n\n## Acceptance Criteria\n\n\
             | Metric | Target |\n|---|---|\n| File size | ≤ 5 MB |\n{frequency}\n"
        );
        crate::order::parse(text.as_bytes(), "WO-1-PARQUET-EXPORTER.md").expect("an order")
    }

    #[test]
    fn requirements_that_speak_of_the_export_say_when() {
        let sunday = Some(Weekday::Sunday);
        for (requirements, at, weekday) in [
            ("1. **Schedule** daily at 03:15 by launchd", "03:15", None),
            ("1. **Schedule** via LaunchAgent (03:15 daily)", "03:15", None),
            ("1. **Schedule** the export daily at 2:30 PM (after lunch) via LaunchAgent", "14:30", None),
            ("1. **Schedule** the export nightly at 04:00", "04:00", None),
            ("1. **Export** on Sundays at 03:00", "03:00", sunday),
            ("1. **Run** `com.02luka.analytics.parquet` at 05:10 each day", "05:10", None),
            ("1. **Schedule**\n   - daily at 06:20\n   - the digest stays at 09:00", "06:20", None),
            ("1. **Schedule** with cron: 15 4 * * *", "04:15", None),
            ("1. **Schedule** by LaunchAgent daily at 03:15", "03:15", None),
            ("1. **Schedule** from launchd, not from cron: 03:15 daily", "03:15", None),
            ("1. **Schedule** daily at 03:15 after the nightly backup", "03:15", None),
            ("1. **Schedule** after the nightly backup, daily at 03:15", "03:15", None),
            ("1. **Schedule** the sync of heartbeats to Parquet daily at 03:15", "03:15", None),
            ("1. **Schedule** the sync of heartbeats daily at 03:15", "03:15", None),
            ("1. **Schedule** daily at 03:15 so that email reports have fresh data", "03:15", None),
            ("1. **Schedule** daily export at 03:15, weekly rotation of logs on Sundays", "03:15", None),
            ("1. **Schedule** the daily digest and the export at 03:15", "03:15", None),
            ("1. **Schedule** the digest at 09:00 and the export at 03:15", "03:15", None),
            ("1. **Maintenance window:** schedule the export at 03:15 daily", "03:15", None),
            ("1. **Schedule** on Sundays, 03:15", "03:15", sunday),
            ("1. **Schedule** (Sundays, at 03:15) by launchd", "03:15", sunday),
            // that name nobody
            ("1. **Read** heartbeats\n2. **Run** every day at 03:15", "03:15", None),
            ("1. Daily at 03:15", "03:15", None),
            ("1. **Convert** at 03:15 every day all heartbeats of the day before", "03:15", None),
            ("1. **Automate** the conversion\n   - daily 03:15", "03:15", None),
            ("1. **Automation** – daily at 03:15, before the digest at 09:00", "03:15", None),
            ("1. **Keep** the digest at 09:00; run at 03:15", "03:15", None),
            ("1. **Verify** at 08:00\n2. **Schedule** the export at 03:15", "03:15", None),
            // of other jobs
            (
                "1. **Keep** the daily digest at 09:00 untouched\n2. **Schedule** the export nightly at 02:45",
                "02:45",
                None,
            ),
            ("1. **Daily digest mail** goes out at 09:15 by its own job; it reads our files.", "02:30", None),
            ("1. **Schedule** the export at 04:10; the backup runs at 05:00", "04:10", None),
            ("1. **Leave** `com.02luka.digest` at its schedule, 09:00 daily", "02:30", None),
            ("1. **Digest mail**, which reads our files, goes out at 09:15", "02:30", None),
            ("1. **Leave the digest as it is**\n   - daily at 09:00", "02:30", None),
            ("1. **Sync** the export to the NAS at 05:00", "02:30", None),
            ("1. **Export** after the shop has written its file at 01:10", "02:30", None),
            ("1. **Keep** the invoices at 05:00", "02:30", None),
            ("1. **Rotate** logs on Sundays", "02:30", None),
            ("1. **Run** at 05:00 and 06:00", "02:30", None),
            // no times to run at
            ("1. **Export** must be ready by 06:00", "02:30", None),
            ("1. **Move** the export from 05:00 to 04:00", "04:00", None),
            ("1. **Find out** why the export of 2025-10-29 02:45 failed", "02:30", None),
            ("1. **Daily** standup at 09:00", "02:30", None),
        ] {
            let (is, on, notes) = deployed("", requirements);
            assert_eq!((is.as_str(), on), (at, weekday), "{requirements}: {notes:?}");
        }
    }

    #[test]
    fn the_acceptance_counts_before_a_requirement() {
        let late = "1. **Schedule** the export daily at 05:00";
        let row = |target: &str| format!("| Export frequency | {target} |");
        for (frequency, requirements, at, weekday, n) in [
            (row("1× daily (2:30 PM)"), "", "14:30", None, 0),
            (row("1× daily"), late, "05:00", None, 0),
            (row("04:00 daily"), late, "04:00", None, 1),
            (row("Sundays at 03:00"), "", "03:00", Some(Weekday::Sunday), 0),
            (row("Sundays"), late, "05:00", Some(Weekday::Sunday), 0),
            (row("4× daily"), "", "02:30", None, 1),
            (row("02:30 daily Asia/Bangkok"), "", "02:30", None, 1),
            ("| Digest time | 09:00 daily |".to_owned(), "", "02:30", None, 0),
        ] {
            let (is, on, notes) = deployed(&frequency, requirements);
            assert_eq!((is.as_str(), on, notes.len()), (at, weekday, n), "{frequency} {requirements}: {notes:?}");
        }
    }

    #[test]
    fn of_two_times_the_standard_one_stays_and_both_are_named() {
        for requirements in [
            "1. **Schedule** via LaunchAgent (daily at 2:30 AM, and 14:30)",
            "1. **Schedule** the export at 04:00\n2. **Export** daily at 05:00",
        ] {
            let (at, _, notes) = deployed("", requirements);
            assert_eq!(at, "02:30", "{requirements}");
            assert!(notes.len() == 1 && notes[0].contains(" and ") && notes[0].contains("two times"), "{notes:?}");
        }
    }

    #[test]
    fn a_time_that_is_not_used_is_told() {
        for (frequency, requirements, told) in [
            ("", "1. **Keep** the daily digest at 09:00 untouched\n2. **Schedule** the export at 02:45", "09:00"),
            ("", "1. **Schedule** the export at 04:10; the backup runs at 05:00", "05:00"),
            ("", "1. **Export** must be ready by 06:00", "06:00"),
            ("", "1. **Daily** standup at 09:00", "09:00"),
            ("", "1. **Run** at 05:00 and then again 06:00", "06:00"),
            ("", "1. **Run** on Sundays", "on Sundays"),
            ("", "1. **Verify** at 08:00\n2. **Schedule** the export at 03:15", "08:00"),
            ("", "1. **Schedule** the export on weekdays", "weekdays"),
            ("| Invoice letters | 05:00 daily |", "", "05:00"),
        ] {
            let (at, _, notes) = deployed(frequency, requirements);
            assert!(notes.len() == 1 && notes[0].contains(told), "{frequency} {requirements}: {notes:?}");
            assert!(!notes[0].contains("it runs") || notes[0].contains(&at), "{requirements}: {notes:?}");
        }
        for quiet in
            ["1. **Schedule** the export as a LaunchAgent, daily at 02:30", "1. Daily at 03:15", "1. **Rotate** logs"]
        {
            assert_eq!(deployed("", quiet).2, [""; 0], "{quiet}");
        }
    }

    #[test]
    fn a_time_from_elsewhere_than_a_bound_criterion_is_what_the_order_asks() {
        for (frequency, requirements, expected) in [
            ("", "1. Daily at 03:15", Some("1× daily (03:15)")),
            ("", "1. **Export** on Sundays at 03:00", Some("Sundays at 03:00")),
            ("| Runs daily | 03:15 |", "", Some("1× daily (03:15)")),
            ("| Time | 03:15 daily |", "", Some("1× daily (03:15)")),
            ("| Export frequency | 03:15 daily |", "1. **Export** daily", None),
            ("", "1. **Export** at 04:00 and 05:00", None),
            ("", "", None),
        ] {
            let mut deployment = Deployment::standard(&Config::default());
            let order = order(frequency, requirements);
            let asked = adopt(&order, &mut deployment, &mut Vec::new());
            assert_eq!(asked.as_deref(), expected, "{frequency} {requirements}");
        }
    }

    #[test]
    fn a_long_requirement_is_read_in_time_that_grows_with_it() {
        let many: String = (0..1440).map(|n| format!("export at {:02}:{:02} ", n / 60, n % 60)).collect();
        for text in ["daily at export ".repeat(20_000), many.repeat(20), "3 4 5 6 7 8 9 ".repeat(20_000)] {
            let began = std::time::Instant::now();
            let mut reader = Reader::new("com.x.y");
            reader.read(&text, Subject::Export);
            assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
        }
    }
}
