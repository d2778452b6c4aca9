//! Drills that begin by themselves: what is wrong with them, and what they become.

use mainstay_model as model;
use mainstay_model::Match;

use super::calendar::When;
use super::checks::{exists, names};
use super::reader::Reader;
use super::sections::{Drill, DrillAny, Root};
use super::shape::Spanned;
use super::telling::{bare, hours};

/// Everybody who is named must exist, a dependency must be down by what is played, and it must begin some time.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    let dependencies = names(&root.dependencies);
    for drill in root.drills.iter().flatten() {
        let Drill { dependency, any, failure, start, .. } = &drill.value;
        if let Some(name) = dependency {
            exists(name, "dependency", "dependencies", &dependencies, reader);
        }
        if let Some(Some(any)) = any {
            named(any, root, reader);
        }
        if let Some(failure) = failure.as_ref().filter(|failure| !mainstay_engine::is_down_by(failure.value))
        {
            let message =
                format!("a dependency is not down by {}, so that nobody would be told", failure.value);
            reader.error(failure.span, message, "write for example certificate-expired or connect-timed-out");
        }
        if let Some(Spanned { value: When::Moment(_), span, .. }) = start {
            let hint = "write the time of `timezone`, such as 2026-01-07 10:00";
            reader.error(*span, "the first beginning has an offset of its own", hint);
        }
        within_hours(&drill.value, reader);
    }
}

fn named(any: &DrillAny, root: &Root, reader: &mut Reader<'_>) {
    let (providers, components) = (names(&root.providers), names(&root.components));
    for name in any.provider.iter().flatten() {
        exists(name, "provider", "providers", &providers, reader);
    }
    for name in any.component.iter().flatten() {
        exists(name, "component", "components", &components, reader);
    }
}

/// It always begins at the same time of day, so either that lies within the hours or it never begins.
fn within_hours(drill: &Drill, reader: &mut Reader<'_>) {
    let (Some(Spanned { value: When::Local(start), span, .. }), Some((from, until))) =
        (&drill.start, drill.hours)
    else {
        return;
    };
    let at = start.time();
    let within = if from < until { from <= at && at < until } else { at >= from || at < until };
    if !within {
        let hint = "write a time of day that lies within `hours`, or leave `hours` out";
        reader.error(*span, "it begins outside of its hours, so that it never would", hint);
    }
}

/// A planned drill as others use it.
pub(super) fn drill(read: Drill) -> Option<model::PlannedDrill> {
    let When::Local(start) = read.start?.value else { return None };
    let timezone = read.timezone?;
    let what = match (read.dependency, read.any) {
        (Some(name), _) => Match { dependency: vec![name.value], ..Match::default() },
        (None, any) => select(any??)?,
    };
    Some(model::PlannedDrill {
        what,
        failure: read.failure?.value,
        start,
        recurrence: read.recurs?,
        during: hours(read.hours, read.days?, timezone.clone()),
        timezone,
        respects_quiet: read.respects_quiet?,
        lasts: read.lasts,
    })
}

fn select(read: DrillAny) -> Option<Match> {
    Some(Match {
        provider: bare(read.provider?),
        component: bare(read.component?),
        criticality: read.criticality?,
        tags: bare(read.tags?),
        ..Match::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loads, refuses};

    /// A configuration with two dependencies and this under `drills`.
    fn with(drills: &str) -> String {
        format!(
            "providers: {{ acme: {{ name: Acme }} }}\n\
             dependencies:\n  db: {{ url: tcp://a:1, provider: acme }}\n  files: {{ url: tcp://b:1 }}\n\
             drills:\n  - {drills}\n"
        )
    }

    #[test]
    fn one_dependency_or_any_that_fits() {
        let loaded = loads(&with(
            "{ dependency: db, start: 2026-01-07 10:00, recurs: weekly, timezone: Europe/Berlin }",
        ));
        let drill = &loaded.landscape.drills[0];
        assert_eq!(drill.what.dependency[0].as_str(), "db");
        assert_eq!(drill.failure.as_str(), "certificate-expired");
        assert_eq!((drill.during.as_ref(), drill.lasts, drill.respects_quiet), (None, None, false));
        assert_eq!(drill.key(), "db/certificate-expired/2026-01-07T10:00:00/FREQ=WEEKLY/Europe/Berlin");

        let loaded = loads(&with(
            "{ any: { provider: acme }, failure: login-rejected, start: 2026-01-07 10:00, recurs: daily, hours: 09:00-17:00, lasts: 20m }",
        ));
        let drill = &loaded.landscape.drills[0];
        let takes = |name: &str| drill.what.takes_dependency(&loaded.landscape.dependencies[name]);
        assert!(takes("db") && !takes("files"));
        assert!(drill.during.is_some());
    }

    #[test]
    fn what_would_never_be_a_drill_is_refused() {
        let times = "start: 2026-01-07 10:00, recurs: weekly";
        refuses(&with(&format!("{{ dependency: dv, {times} }}")), "did you mean `db`?");
        refuses(&with(&format!("{{ {times} }}")), "give it one of dependency, any");
        refuses(&with(&format!("{{ any: {{ provider: acne }}, {times} }}")), "did you mean `acme`?");
        let slow = format!("{{ dependency: db, failure: too-slow, {times} }}");
        refuses(&with(&slow), "a dependency is not down by too-slow, so that nobody would be told");
        let hours = format!("{{ dependency: db, hours: 11:00-17:00, {times} }}");
        refuses(&with(&hours), "it begins outside of its hours, so that it never would");
        let offset = "{ dependency: db, start: 2026-01-07T10:00Z, recurs: weekly }";
        refuses(&with(offset), "the first beginning has an offset of its own");
    }
}
