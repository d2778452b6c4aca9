use std::time::Duration;

use mainstay_engine::{Action, Event, ExternalAlert, MOST_EXTERNAL};
use mainstay_model::*;

use crate::scene::{Bad, Good, Scene, begin};

/// An alert of Alertmanager's; its title is its key too.
pub(crate) fn external(title: &str, dependency: &str, provider: &str, firing: bool) -> ExternalAlert {
    ExternalAlert {
        key: title.parse().unwrap(),
        firing,
        title: title.into(),
        severity: Severity::High,
        since: begin(),
        dependency: dependency.parse().ok(),
        provider: provider.parse().ok(),
        diagnosis: Diagnosis { cause: format!("{title} fires."), ..Diagnosis::default() },
    }
}

impl Scene {
    fn hear(&mut self, alerts: &[ExternalAlert]) -> &mut Scene {
        self.step(Event::External { source: ExternalSource::Alertmanager, alerts: alerts.to_vec() })
    }

    fn fires(&mut self, title: &str, dependency: &str, provider: &str) -> &mut Scene {
        self.hear(&[external(title, dependency, provider, true)])
    }

    fn ends(&mut self, title: &str) -> &mut Scene {
        self.hear(&[external(title, "", "", false)])
    }
}

#[test]
fn an_alert_opens_an_incident_is_repeated_without_news_and_ends_it() {
    let mut scene = Scene::with(&[]);
    scene.fires("DiskFull", "", "").ops(&["0 #1 opened high: DiskFull"]);
    scene.pass(300).fires("DiskFull", "", "").pass(300).fires("DiskFull", "", "").ops(&[]);
    assert_eq!(scene.state.external_alerts(), 1);
    scene.ends("DiskFull").ops(&["600 #2 resolved high: DiskFull | No longer: DiskFull."]);
    assert_eq!(scene.state.external_alerts(), 0);
    scene.ends("DiskFull").ends("NeverHeardOf").ops(&[]);
}

#[test]
fn what_names_a_dependency_that_is_down_joins_its_incident() {
    let mut scene = Scene::with(&["db@acme", "other@acme"]);
    scene.check_fully("db", Bad(FailureKind::ConnectRefused));
    scene.pass(3600).told(&[
        "0 ops#1 opened page: db is down: the connection is refused",
        "0 phone#1 opened page: db is down: the connection is refused",
    ]);
    scene
        .fires("HighErrorRate", "db", "")
        .ops(&["3600 #2 updated page: db is down: the connection is refused | HighErrorRate."]);
    assert_eq!(scene.state.incidents().count(), 1);
    scene.fires("OtherSlow", "other", "").ops(&["3600 #1 opened high: OtherSlow"]);
    scene.fires("AcmeSlow", "", "acme").pass(60);
    assert_eq!(scene.state.incidents().count(), 2, "of the provider as a whole");
}

#[test]
fn what_we_find_later_joins_what_another_system_said_first() {
    let mut scene = Scene::with(&["db@acme"]);
    scene.fires("HighErrorRate", "db", "").pass(1200).ops(&["0 #1 opened high: HighErrorRate"]);
    scene.check_fully("db", Bad(FailureKind::ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 1);
    let incident = scene.incident(0);
    assert_eq!(
        (incident.severity, incident.title.as_str()),
        (Severity::Page, "db is down: the connection is refused")
    );
    assert_eq!(incident.providers, ["acme".parse().unwrap()]);
    assert_eq!(incident.components, ["checkout".parse().unwrap()]);
    scene.pass_checking(120, &Good);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
    assert!(scene.incident(0).is_open(), "the other system has not said that it is over");
    scene.ends("HighErrorRate");
    assert!(!scene.incident(0).is_open());
}

#[test]
fn names_that_are_not_configured_count_for_nothing() {
    let mut scene = Scene::with(&["db@acme"]);
    scene.fires("A", "nobody", "nowhere").pass(60).fires("B", "nobody", "nowhere");
    assert_eq!(scene.state.incidents().count(), 2);
    let incident = scene.incident(0);
    assert!(incident.dependencies.is_empty() && incident.providers.is_empty());
}

#[test]
fn what_names_only_a_provider_goes_where_the_provider_leads_and_is_quiet_with_it() {
    let acme = || Match { provider: vec!["acme".parse().unwrap()], ..Match::default() };
    let mut scene = Scene::changed(&["db@acme"], |landscape| {
        let to = |name: &str| vec![Recipient::Channel(name.parse().unwrap())];
        let critical = Match { criticality: vec![Criticality::Critical], ..acme() };
        landscape.routes = vec![
            Route { when: acme(), to: to("phone"), is_last: true, ..Route::default() },
            Route { when: critical, to: to("ops"), ..Route::default() },
        ];
    });
    scene.fires("AcmeSlow", "", "acme").told(&["0 phone#1 opened high: AcmeSlow"]);
    scene.ends("AcmeSlow").take_told();
    let until = begin() + jiff::SignedDuration::from_hours(1);
    scene.act(Action::Silence { reason: "known".into(), what: acme(), until });
    scene.pass(900).fires("AcmeSlow", "", "acme").fires("Other", "", "").told(&[]);
    scene.pass(3000).told(&["3600 phone#1 opened high: AcmeSlow"]);
}

#[test]
fn an_alert_that_is_no_longer_repeated_stays_and_is_told_once() {
    let mut scene = Scene::changed(&["db@acme"], |landscape| {
        landscape.receive.alertmanager_repeat = Duration::from_secs(3600);
    });
    scene.fires("DiskFull", "", "").pass(3600).fires("DiskFull", "", "").ops(&["0 #1 opened high: DiskFull"]);
    scene.pass_checking(7170, &Good).ops(&[]);
    scene.pass_checking(60, &Good);
    let text = "Nothing was heard for 2 h of this alert, which neither was repeated nor ended: DiskFull. It stays open; see at its \
                source whether it still holds, and resolve the incident if not.";
    scene.ops(&[&format!("10800 #2 updated high: DiskFull | {text}")]);
    scene.pass_checking(86_400, &Good).ops(&[]);
    assert!(scene.incident(0).is_open());
    scene.fires("DiskFull", "", "").ops(&[]);
    let id = scene.incident(0).id;
    scene.act(Action::Resolve(id)).fires("DiskFull", "", "").pass(60);
    assert!(
        !scene.incident(0).is_open(),
        "what was resolved by hand stays so while the alert is only repeated"
    );
    scene.ends("DiskFull").fires("DiskFull", "", "");
    assert!(scene.incident(0).is_open(), "it is back");
}

#[test]
fn a_restart_remembers_whom_it_waits_for() {
    let mut scene = Scene::changed(&["db@acme"], |landscape| {
        landscape.receive.alertmanager_repeat = Duration::from_secs(3600);
    });
    scene.fires("DiskFull", "", "").told(&["0 ops#1 opened high: DiskFull"]);
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = mainstay_engine::State::restored(dependencies, incidents);
    scene.configure().pass_checking(7230, &Good);
    assert!(scene.incident(0).alerts.values().all(|alert| alert.external.as_ref().unwrap().silence_told));
    scene.ends("DiskFull");
    assert!(!scene.incident(0).is_open());
}

#[test]
fn a_flood_is_bounded_and_what_is_left_out_is_written_down() {
    let mut scene = Scene::with(&["db@acme"]);
    for number in 0..MOST_EXTERNAL + 10 {
        scene.fires(&format!("A{number}"), "", "");
    }
    assert_eq!(scene.state.external_alerts(), MOST_EXTERNAL);
    let left_out =
        scene.written.timeline.iter().filter(|entry| entry.text.contains("was left out: A20")).count();
    assert_eq!(left_out, 10);
    scene.ends("A0").fires("A9999", "", "");
    assert_eq!(scene.state.external_alerts(), MOST_EXTERNAL);
}

#[test]
fn customers_are_told_nothing_by_another_system_alone() {
    let mut scene = Scene::changed(&["db@acme"], |landscape| landscape.status_page.auto_publish = true);
    scene.fires("HighErrorRate", "db", "").pass(60);
    let incident = scene.incident(0);
    assert_eq!((incident.impact, incident.publication), (Impact::None, None));
}
