//! The break-glass: when it is possible, what it says, and what ends it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mainstay_engine::{Action, Event, State, WaiverRefusal, WaiverWish};
use mainstay_model::*;

use crate::scene::{Bad, Expired, Good, Life, Scene, begin, days};

fn name(text: &str) -> DependencyName {
    text.parse().unwrap()
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn wish(reason: &str, lasts: Option<u64>) -> WaiverWish {
    let lasts = lasts.map(|hours| Duration::from_secs(hours * 3_600));
    WaiverWish { dependency: name("db"), reason: reason.into(), lasts }
}

fn ask() -> Action {
    Action::RequestWaiver(wish("checkout is down", None))
}

/// A dependency whose certificate ended when the scene began, and an incident about it.
fn expired() -> Scene {
    expired_with(|_| {})
}

fn expired_with(change: impl FnOnce(&mut Landscape)) -> Scene {
    let mut scene = Scene::changed(&["db@acme"], change);
    scene.check("db", Life(begin() - days(90), begin() + hours(1)));
    scene.now += hours(2);
    scene.check_fully("db", gone());
    scene.take_told();
    scene
}

fn gone() -> crate::scene::Found {
    Expired(begin() - days(90), begin() + hours(1))
}

fn by(scene: &mut Scene, who: &str, action: Action) {
    scene.step(Event::Operator { by: who.into(), action });
}

fn only(scene: &Scene) -> Arc<Waiver> {
    let mut all = scene.state.waivers();
    let one = all.next().unwrap().clone();
    assert!(all.next().is_none(), "there is one waiver");
    one
}

#[track_caller]
fn over(scene: &Scene, expected: &WaiverEnd) -> Arc<Waiver> {
    let waiver = only(scene);
    let WaiverState::Ended { end, .. } = &waiver.state else { panic!("it is not over: {waiver:?}") };
    assert_eq!(end, expected);
    assert_eq!(scene.state.policy(scene.now).waivers, Vec::new());
    waiver
}

#[track_caller]
fn history(scene: &Scene, expected: &[&str]) {
    let of_it = scene.written.timeline.iter().filter(|entry| entry.kind == EntryKind::Waiver);
    let lines: Vec<_> = of_it.map(|entry| entry.text.as_str()).collect();
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
}

fn acts(scene: &Scene) -> Vec<&'static str> {
    let act = |entry: &AuditEntry| match &entry.act {
        AuditAct::Waiver { act, .. } => act.as_str(),
        AuditAct::ConfigurationLoaded(_) => "configuration",
        AuditAct::Asked { what, .. } => what,
    };
    scene.written.audit.iter().map(act).collect()
}

/// What is waived and used works for customers, however red the check is; and does not any more once the waiver is over.
#[test]
fn customers_hear_that_it_works_under_a_waiver_and_that_it_does_not_any_more() {
    let mut scene = expired_with(|landscape| landscape.status_page.auto_publish = true);
    let status = |scene: &Scene| scene.incident(0).publication.unwrap().status();
    assert_eq!(status(&scene), PublicStatus::Identified);
    scene.act(ask());
    assert_eq!(status(&scene), PublicStatus::Identified, "nobody has come through yet");
    let granted = scene.now;
    scene.step(Event::WaiverUsed { waiver: only(&scene).id, count: 1, at: granted });
    assert_eq!(status(&scene), PublicStatus::Monitoring);
    assert_eq!(scene.incident(0).room.mitigated_at, Some(granted));
    scene.pass_checking(60, &gone());
    assert_eq!(status(&scene), PublicStatus::Monitoring, "a check that says the same changes nothing");
    let waiver = only(&scene).id;
    scene.act(Action::EndWaiver(waiver));
    assert_eq!(status(&scene), PublicStatus::Identified);
    scene.pass_checking(60, &gone());
    assert_eq!(scene.incident(0).room.mitigated_at, None);
}

/// An incident that was closed by hand is seen by nobody; a waiver for what goes on in it has to be.
#[test]
fn what_was_closed_by_hand_goes_on_in_the_open_with_a_waiver() {
    for people in [1, 2] {
        let mut scene = expired_with(|landscape| landscape.waivers.second_person = people == 2);
        let closed = scene.incident(0).id;
        scene.act(Action::Resolve(closed));
        scene.now += hours(1);
        scene.check_fully("db", gone());
        scene.take_told();
        by(&mut scene, "anna", ask());
        let open = scene.state.home_of_waiver(&only(&scene)).unwrap();
        assert_ne!(open, closed, "an hour later it is a matter of its own");
        let incident = scene.incident(1);
        assert_eq!((incident.id, incident.is_open()), (open, true));
        assert!(scene.incident(0).alerts.is_empty());
        let in_hand = matches!(&incident.state, IncidentState::Acknowledged { by, .. } if by == "anna");
        assert_eq!(in_hand, people == 1, "whoever has to agree has to be told");
        assert!(scene.take_told().iter().any(|one| one.contains("ops#1 opened")));
        let told = &scene.written.deliveries.last().unwrap().message;
        let words =
            if people == 1 { "granted by anna" } else { "anna asks that the expired certificate of db" };
        assert!(told.evidence.iter().any(|line| line.contains(words)), "{told:#?}");
    }
}

#[test]
fn an_extension_goes_on_and_another_trouble_does_not() {
    let mut scene = expired_with(|landscape| landscape.status_page.auto_publish = true);
    let status = |scene: &Scene| scene.incident(0).publication.unwrap().status();
    scene.act(ask());
    scene.step(Event::WaiverUsed { waiver: only(&scene).id, count: 1, at: scene.now });
    scene.now += hours(1);
    scene.check_fully("db", gone());
    scene.act(Action::RequestWaiver(wish("it takes longer", None)));
    assert_eq!(status(&scene), PublicStatus::Monitoring, "the new one takes the place of one that was used");
    assert!(scene.incident(0).room.mitigated_at.is_some());
    scene.now += SignedDuration::from_mins(1);
    scene.check_fully("db", Bad(FailureKind::ConnectRefused));
    assert_eq!(status(&scene), PublicStatus::Investigating, "no waiver helps against that");
    assert_eq!(scene.incident(0).room.mitigated_at, None);
}

/// What a person told customers is not taken back for them.
#[test]
fn a_request_that_comes_to_nothing_changes_nothing_for_customers() {
    let mut scene = expired_with(|landscape| {
        landscape.status_page.auto_publish = true;
        landscape.waivers.second_person = true;
    });
    scene.act(ask());
    let incident = scene.incident(0).id;
    let told = Action::Update {
        incident,
        status: PublicStatus::Monitoring,
        body: "It works by another way.".into(),
    };
    scene.act(told);
    let waiver = only(&scene).id;
    by(&mut scene, "ben", Action::RefuseWaiver(waiver));
    assert_eq!(scene.incident(0).publication.unwrap().status(), PublicStatus::Monitoring);
}

#[test]
fn a_renewal_is_no_way_back_to_the_outage() {
    let mut scene = expired_with(|landscape| landscape.status_page.auto_publish = true);
    scene.act(ask());
    scene.step(Event::WaiverUsed { waiver: only(&scene).id, count: 1, at: scene.now });
    let mitigated = scene.incident(0).room.mitigated_at;
    scene.now += hours(1);
    scene.step(Event::FullyVerified { waiver: only(&scene).id });
    let incident = scene.incident(0);
    assert_eq!(incident.publication.unwrap().status(), PublicStatus::Monitoring);
    assert_eq!(incident.room.mitigated_at, mitigated);
}

#[test]
fn it_is_granted_used_told_and_ended_by_the_new_certificate() {
    let mut scene = expired();
    scene.act(ask());
    let waiver = only(&scene);
    let incident = scene.incident(0);
    assert_eq!((waiver.incident, waiver.requested.by.as_str()), (Some(incident.id), "ana"));
    assert_eq!(waiver.ends_at(), Some(scene.now + hours(4)));
    let granted =
        "ana has the expired certificate of db accepted until 2026-06-06 06:00 UTC: checkout is down.";
    scene.ops(&[&format!("7200 #3 updated page: db is down: its certificate expired | {granted}")]);
    let message = &scene.written.deliveries.last().unwrap().message;
    assert_eq!(
        message.evidence[0],
        "A waiver is in force: the expired certificate of db is accepted until 2026-06-06 06:00 UTC, granted by ana: checkout is down."
    );
    assert_eq!(
        (&scene.incident(0).title, &scene.incident(0).diagnosis),
        (&incident.title, &incident.diagnosis)
    );

    let policy = scene.state.policy(scene.now);
    let [rule] = policy.waivers.as_slice() else { panic!("{policy:?}") };
    assert_eq!((rule.id, rule.pin, rule.not_after), (waiver.id, waiver.pin, begin() + hours(1)));
    let early = SignedDuration::from_mins(5);
    assert_eq!((rule.from, rule.until), (scene.now - early, scene.now + hours(4)), "clocks of relays differ");
    assert_eq!(rule.server_name, "db.example.com");
    assert_eq!(rule.url, Some(format!("https://ops.example.com/incidents/{}", incident.id)));

    scene.act(Action::Resolve(incident.id));
    assert!(scene.incident(0).is_open(), "it stays open while a waiver is in force");

    for _ in 0..2 {
        scene.step(Event::WaiverUsed { waiver: waiver.id, count: 20, at: scene.now });
    }
    scene.pass_checking(600, &gone());
    assert_eq!(only(&scene).uses.count, 40);
    assert!(only(&scene).is_in_force(scene.now), "checks that say the same change nothing");
    scene.now += SignedDuration::from_secs(1);
    scene.check("db", Life(scene.now - days(1), scene.now + days(90)));
    let waiver = over(&scene, &WaiverEnd::Renewed);
    assert_eq!(waiver.granted().unwrap().by, "ana");
    history(
        &scene,
        &[
            granted,
            "The waiver for db is in use: a first connection was admitted under it.",
            "The waiver for db is over: full verification succeeds again. 40 connections were admitted under it.",
        ],
    );
    assert_eq!(scene.timeline(incident.id).matches("waiver").count(), 3);
    assert_eq!(acts(&scene), ["configuration", "waiver-granted", "resolve", "waiver-used", "waiver-ended"]);
    assert!(scene.take_told().iter().any(|line| line.contains("The waiver for db is over")));
    scene.pass(14 * 86_400 + 60);
    assert_eq!(scene.state.waivers().count(), 0, "what is over is forgotten after a while");
}

#[test]
fn the_evidence_says_what_was_seen_and_outlives_a_restart() {
    let mut scene = expired();
    let kept = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(kept, Vec::new());
    scene.configure();
    let grounds = scene.state.waiver_grounds(&name("db"), scene.now).unwrap();
    let lines: Vec<&str> = grounds.evidence.iter().map(|line| line.split(" SHA").next().unwrap()).collect();
    assert_eq!(
        lines[..4],
        [
            "The certificate CN=db.example.com expired at 2026-06-06 01:00 UTC, 1 h ago.",
            "This very certificate and key passed full verification here before, last at 2026-06-06 00:00 UTC.",
            "The one address that there is shows it.",
            "Everything else about it holds, as of its end: name, trust, purpose and signatures.",
        ]
    );
    // The same key in another certificate, and a key that was never seen.
    scene.now += SignedDuration::from_secs(1);
    scene.check("db", Expired(begin() - days(80), begin() + hours(1) + SignedDuration::from_secs(1)));
    let other = scene.state.waiver_grounds(&name("db"), scene.now).unwrap();
    assert!(other.evidence[1].starts_with("Its key is the one that passed full verification"), "{other:?}");
    let mut report = scene.report("db", gone());
    leaf(&mut report, 0).spki_sha256 = Fingerprint([9; 32]);
    scene.now += SignedDuration::from_secs(1);
    report.checked_at = scene.now;
    scene.step(Event::Checked(Box::new(report)));
    let other = scene.state.waiver_grounds(&name("db"), scene.now).unwrap();
    assert!(other.evidence[1].starts_with("Its key is another"), "{other:?}");
}

fn leaf(report: &mut CheckReport, address: usize) -> &mut Certificate {
    &mut report.addresses[address].tls.as_mut().unwrap().certificates[0]
}

/// What stands against a waiver after a check that differs in one thing.
#[track_caller]
fn refused(change: impl FnOnce(&mut CheckReport), expected: &str) {
    let mut scene = expired();
    scene.now += SignedDuration::from_secs(5);
    let mut report = scene.report("db", gone());
    let mut second = report.addresses[0].clone();
    second.address = "192.0.2.2:3306".into();
    report.addresses.push(second);
    change(&mut report);
    scene.step(Event::Checked(Box::new(report)));
    let said = match scene.state.waiver_grounds(&name("db"), scene.now) {
        Ok(grounds) => grounds.evidence[2].clone(),
        Err(refusal) => refusal.happened(),
    };
    assert_eq!(said, expected);
    scene.act(ask());
    assert_eq!(scene.state.waivers().count(), usize::from(said.contains("addresses show it")));
}

fn expired_of(report: &mut CheckReport) -> &mut mainstay_model::Expired {
    report.addresses[1].failure.as_mut().unwrap().expired.as_mut().unwrap()
}

#[test]
fn expiry_has_to_be_the_only_fault_everywhere() {
    refused(|_| {}, "All 2 addresses show it.");
    refused(
        |report| {
            report.addresses[1].tls = None;
            report.addresses[1].failure =
                Some(Failure::new(FailureKind::ConnectRefused, Phase::Connect, "Refused."));
        },
        "1 of 2 addresses show it; none is shown by 192.0.2.2:3306, where the connection is refused.",
    );
    refused(
        |report| leaf(report, 1).sha256 = Fingerprint([7; 32]),
        "The addresses of db show different expired certificates: 192.0.2.1:3306 and 192.0.2.2:3306 do not show the same.",
    );
    refused(
        |report| {
            report.verdict = Verdict::Degraded;
            report.addresses[1].verdict = Verdict::Healthy;
            report.addresses[1].failure = None;
            report.addresses[1].tls.as_mut().unwrap().verified = true;
        },
        "192.0.2.2:3306 of db shows a certificate that passes full verification.",
    );
    refused(
        |report| {
            let (kind, message) = (FailureKind::CertificateUntrusted, "no root of ours issued it".into());
            expired_of(report).otherwise = Otherwise::No { kind, message };
        },
        "That it expired is not all that is wrong with the certificate of db: no root of ours issued it.",
    );
    refused(
        |report| {
            let also = Failure::new(FailureKind::CertificateNameMismatch, Phase::Tls, "It is for another.");
            report.addresses[0].also.push(also);
        },
        "That it expired is not all that is wrong with the certificate of db: It is for another.",
    );
    refused(
        |report| expired_of(report).otherwise = Otherwise::NotJudged { what: "name".into() },
        "That it expired is not all that is wrong with the certificate of db: its name could not be judged.",
    );
    refused(
        |report| {
            expired_of(report).position = 1;
            expired_of(report).subject = "CN=Acme CA".into();
        },
        "It is not the certificate of db itself that expired, but the one of its issuer CN=Acme CA.",
    );
    refused(
        |report| {
            let mut issuer = leaf(report, 0).clone();
            (issuer.position, issuer.in_path, issuer.subject) = (1, true, "CN=Acme CA".into());
            report.addresses[0].tls.as_mut().unwrap().certificates.push(issuer);
        },
        "That it expired is not all that is wrong with the certificate of db: CN=Acme CA expired too, at 2026-06-06 01:00 UTC.",
    );
    refused(
        |report| {
            let failure = Failure::new(FailureKind::CertificateUntrusted, Phase::Tls, "No.");
            (report.failure, report.addresses[0].failure) = (Some(failure.clone()), Some(failure));
        },
        "db does not fail because its certificate expired, but because its certificate is not trusted.",
    );
    refused(
        |report| {
            let failure = Failure::new(FailureKind::NameNotResolved, Phase::Resolve, "No.");
            (report.failure, report.addresses) = (Some(failure), Vec::new());
        },
        "db does not fail because its certificate expired, but because its name is not resolved.",
    );
    refused(
        |report| report.verdict = Verdict::Inconclusive,
        "The latest check of db could not tell what is wrong.",
    );
}

#[track_caller]
fn stands_against(scene: &Scene, wish: &WaiverWish, expected: &str) {
    let refusal = scene.state.check_waiver(wish, scene.now).unwrap_err();
    assert_eq!(refusal.to_string(), expected);
}

#[test]
fn whoever_asks_is_told_what_to_do() {
    let mut scene = expired();
    stands_against(
        &scene,
        &wish("  ", None),
        "The reason is missing. Say in a few words why it is needed; it stands in the history and in the audit log.",
    );
    stands_against(
        &scene,
        &wish("x", Some(25)),
        "A waiver lasts 1d at most here. Ask for less; it can be extended while it is in force.",
    );
    let refusal = |wish: &WaiverWish, scene: &Scene| scene.state.check_waiver(wish, scene.now).unwrap_err();
    assert_eq!(refusal(&wish(&"x".repeat(501), None), &scene), WaiverRefusal::ReasonTooLong { length: 501 });
    assert_eq!(refusal(&wish("x", Some(0)), &scene), WaiverRefusal::NoTime);
    scene.now += SignedDuration::from_secs(121);
    stands_against(
        &scene,
        &wish("x", None),
        "The latest check of db began 2 min ago; a waiver rests on one of the last 2 min. See on its page why it is not checked, \
         and ask again after the next check.",
    );
    scene.landscape.dependencies.values_mut().for_each(|one| one.waivable = false);
    scene.configure();
    assert_eq!(refusal(&wish("x", None), &scene), WaiverRefusal::Forbidden(name("db")));
    let scene = Scene::with(&["db"]);
    assert_eq!(refusal(&wish("x", None), &scene), WaiverRefusal::Unchecked(name("db")));
    let stranger = WaiverWish { dependency: name("dd"), ..wish("x", None) };
    assert_eq!(refusal(&stranger, &scene), WaiverRefusal::Unknown(name("dd")));
}

#[test]
fn its_time_ends_it_to_the_second_and_also_while_mainstay_sleeps() {
    let mut scene = expired();
    scene.act(ask());
    let ends_at = scene.now + hours(4);
    let (waiver, landscape) = (only(&scene), scene.landscape.clone());
    scene.now = ends_at - SignedDuration::from_secs(1);
    scene.step(Event::Tick);
    assert_eq!(scene.state.policy(scene.now).waivers.len(), 1);
    scene.pass(1);
    over(&scene, &WaiverEnd::Time);

    let mut later = Scene::changed(&["db@acme"], |one| *one = landscape);
    let kept = later.state.dependencies().map(|one| one.as_ref().clone()).collect();
    later.state = State::restored(kept, Vec::new()).waived(vec![waiver.as_ref().clone()], Vec::new());
    later.now = ends_at + hours(30);
    later.configure();
    assert_eq!(later.state.policy(later.now).waivers, Vec::new(), "before anything else is done");
    later.step(Event::Tick);
    let waiver = over(&later, &WaiverEnd::Time);
    assert!(matches!(waiver.state, WaiverState::Ended { at, .. } if at == ends_at), "{waiver:?}");
}

fn two_people(landscape: &mut Landscape) {
    landscape.waivers.second_person = true;
}

#[test]
fn a_second_person_agrees_or_not() {
    let mut scene = expired_with(two_people);
    scene.act(ask());
    let asked = "ana asks that the expired certificate of db be accepted for 4h: checkout is down. Somebody else has to agree until \
                 2026-06-06 03:00 UTC.";
    scene.ops(&[&format!("7200 #3 updated page: db is down: its certificate expired | {asked}")]);
    assert_eq!(scene.state.policy(scene.now).waivers, Vec::new());
    let id = only(&scene).id;
    scene.act(ask());
    by(&mut scene, " Ana ", Action::GrantWaiver(id));
    assert_eq!(only(&scene).state, WaiverState::Requested, "whoever asked cannot be the second person");
    scene.now += SignedDuration::from_mins(1);
    by(&mut scene, "ben", Action::GrantWaiver(id));
    assert_eq!(only(&scene).ends_at(), Some(scene.now + hours(4)), "its time begins when it is granted");
    history(
        &scene,
        &[
            asked,
            "ana wanted a waiver for db, which was not granted. ana has asked for a waiver for db already, and nobody has answered yet. \
             Grant or refuse that one, or let whoever asked end it.",
            "Ana wanted to decide about a waiver, which was not done. ana asked for this waiver, so somebody else has to agree. Send \
             the page of the incident to a colleague.",
            "ben agreed: the expired certificate of db is accepted until 2026-06-06 06:01 UTC. ana asked for it: checkout is down.",
        ],
    );
    by(&mut scene, "ben", Action::RefuseWaiver(id));
    assert!(only(&scene).is_in_force(scene.now), "it is too late to refuse it");
    by(&mut scene, "cleo", Action::EndWaiver(id));
    over(&scene, &WaiverEnd::Withdrawn { by: "cleo".into() });

    let mut scene = expired_with(two_people);
    scene.act(ask());
    let id = only(&scene).id;
    by(&mut scene, "ben", Action::RefuseWaiver(id));
    over(&scene, &WaiverEnd::Refused { by: "ben".into() });
    assert_eq!(acts(&scene), ["configuration", "waiver-requested", "waiver-refused"]);
    by(&mut scene, "ben", Action::GrantWaiver(id));
    over(&scene, &WaiverEnd::Refused { by: "ben".into() });
}

#[test]
fn a_request_lapses_with_time_and_with_the_diagnosis() {
    let mut scene = expired_with(two_people);
    scene.act(ask());
    scene.pass_checking(3_590, &gone());
    assert_eq!(only(&scene).state, WaiverState::Requested);
    scene.pass(30);
    over(&scene, &WaiverEnd::Lapsed);

    for found in [Bad(FailureKind::CertificateUntrusted), Good, Expired(begin() - days(9), begin() - days(1))]
    {
        let mut scene = expired_with(two_people);
        scene.act(ask());
        scene.now += SignedDuration::from_secs(30);
        scene.check("db", found);
        over(&scene, &WaiverEnd::Lapsed);
    }
}

#[test]
fn an_extension_takes_the_place_of_the_one_before_when_it_is_granted() {
    let mut scene = expired_with(two_people);
    scene.act(ask());
    let first = only(&scene).id;
    by(&mut scene, "ben", Action::GrantWaiver(first));
    scene.pass_checking(3_000, &gone());
    by(&mut scene, "ben", Action::RequestWaiver(wish("still down", Some(8))));
    let second = scene.state.waiver_asked_for(&name("db")).unwrap().id;
    assert_eq!(scene.state.waiver_in_force(&name("db"), scene.now).unwrap().id, first);
    by(&mut scene, "ana", Action::GrantWaiver(second));
    assert_eq!(scene.state.waiver_in_force(&name("db"), scene.now).unwrap().id, second);
    let WaiverState::Ended { end, .. } = &scene.state.waiver(first).unwrap().state else { panic!() };
    assert_eq!(end, &WaiverEnd::Replaced { with: second });
    assert_eq!(scene.state.policy(scene.now).waivers.len(), 1);
}

#[test]
fn what_changes_its_grounds_ends_it() {
    let granted = || {
        let mut scene = expired();
        scene.act(ask());
        scene.now += SignedDuration::from_secs(30);
        scene
    };
    let mut scene = granted();
    scene.check("db", Bad(FailureKind::ConnectTimedOut));
    scene.step(Event::RevocationSeen { fingerprints: vec![Fingerprint([5; 32])] });
    assert!(only(&scene).is_in_force(scene.now), "nothing of this is about its certificate");
    let (now, mut random) = (scene.now, Random::seeded(99));
    scene.step(Event::FullyVerified { waiver: WaiverId::new(now, &mut random) });
    assert!(only(&scene).is_in_force(scene.now), "that was said of another one");
    let waiver = only(&scene).id;
    scene.step(Event::FullyVerified { waiver });
    over(&scene, &WaiverEnd::Renewed);

    let mut scene = granted();
    scene.check("db", Expired(begin() - days(9), begin() - days(1)));
    over(&scene, &WaiverEnd::ChainChanged);

    let mut scene = granted();
    scene.landscape.dependencies.get_mut("db").unwrap().target.port = 3307;
    scene.configure();
    over(&scene, &WaiverEnd::ChainChanged);
    let mut scene = granted();
    scene.landscape.dependencies.get_mut("db").unwrap().waivable = false;
    scene.configure();
    over(&scene, &WaiverEnd::Withdrawn { by: "the configuration".into() });
    let mut scene = granted();
    scene.landscape.dependencies.clear();
    scene.configure();
    over(&scene, &WaiverEnd::ChainChanged);
}

#[test]
fn what_was_seen_revoked_is_never_waived() {
    let mut scene = expired();
    scene.act(ask());
    let pin = only(&scene).pin;
    scene.step(Event::RevocationSeen { fingerprints: vec![pin.sha256] });
    over(&scene, &WaiverEnd::RevocationSeen);
    assert_eq!(scene.written.revoked, [pin.sha256]);
    assert_eq!(scene.state.policy(scene.now).revoked, [pin.sha256]);
    let revoked = WaiverRefusal::Revoked { dependency: name("db"), subject: "CN=db.example.com".into() };
    assert_eq!(scene.state.check_waiver(&wish("x", None), scene.now), Err(revoked.clone()));

    // A check that says so ends it too. Which certificate of the path it was is not said by that, so that none is condemned for ever.
    let mut scene = expired();
    scene.act(ask());
    scene.now += SignedDuration::from_secs(30);
    let mut report = scene.report("db", gone());
    report.addresses[0].also.push(Failure::new(FailureKind::CertificateRevoked, Phase::Tls, "Revoked."));
    scene.step(Event::Checked(Box::new(report)));
    over(&scene, &WaiverEnd::RevocationSeen);
    assert!(scene.written.revoked.is_empty());
}

/// What a provider sends beside the path is judged by nobody, so that it can neither prevent nor end a waiver.
#[test]
fn what_is_beside_the_path_stands_against_nothing() {
    let stray = Fingerprint([9; 32]);
    let mut scene = expired();
    scene.step(Event::RevocationSeen { fingerprints: vec![stray] });
    let mut report = scene.report("db", gone());
    let shown = &mut report.addresses[0].tls.as_mut().unwrap().certificates;
    let beside = Certificate { position: 1, sha256: stray, in_path: false, ..shown[0].clone() };
    shown.push(beside);
    scene.now += SignedDuration::from_secs(30);
    report.checked_at = scene.now;
    scene.step(Event::Checked(Box::new(report.clone())));
    scene.act(ask());
    assert!(only(&scene).is_in_force(scene.now));
    scene.step(Event::RevocationSeen { fingerprints: vec![stray] });
    assert!(only(&scene).is_in_force(scene.now));
    report.addresses[0].tls.as_mut().unwrap().certificates[1].in_path = true;
    scene.now += SignedDuration::from_secs(30);
    report.checked_at = scene.now;
    scene.step(Event::Checked(Box::new(report)));
    scene.step(Event::RevocationSeen { fingerprints: vec![stray] });
    over(&scene, &WaiverEnd::RevocationSeen);
}

/// Judged by other roots or for another name, it is no evidence for what is configured now.
#[test]
fn a_check_by_the_rules_of_before_is_no_evidence() {
    let mut scene = expired();
    let of_before = scene.landscape.dependencies["db"].endpoint();
    scene.landscape.dependencies.get_mut("db").unwrap().tls.server_name = Some("other.example.com".into());
    scene.configure();
    scene.now += SignedDuration::from_secs(30);
    let mut report = scene.report("db", gone());
    report.endpoint = Some(of_before);
    scene.step(Event::Checked(Box::new(report.clone())));
    let unchecked = WaiverRefusal::Unchecked(name("db"));
    assert_eq!(scene.state.check_waiver(&wish("x", None), scene.now), Err(unchecked));
    report.endpoint = Some(scene.landscape.dependencies["db"].endpoint());
    scene.step(Event::Checked(Box::new(report)));
    assert!(scene.state.check_waiver(&wish("x", None), scene.now).is_ok());
}

/// Relays see first what checks see only when they are due.
#[test]
fn what_relays_see_is_checked_at_once() {
    let often = |landscape: &mut Landscape| {
        landscape.dependencies.get_mut("db").unwrap().every = Duration::from_secs(3_600);
    };
    let mut scene = Scene::changed(&["db@acme"], often);
    scene.check("db", Life(begin() - days(90), begin() + hours(1)));
    scene.step(Event::RelayRefused(name("db")));
    assert!(scene.last.rechecks.is_empty(), "that was seen just now");
    scene.now += hours(2);
    scene.step(Event::RelayRefused(name("db")));
    let asked: Vec<Duration> = scene.last.rechecks.iter().map(|one| one.after).collect();
    assert_eq!(asked, [Duration::ZERO]);
    scene.check_fully("db", gone());
    scene.now += SignedDuration::from_secs(30);
    scene.step(Event::RelayRefused(name("db")));
    assert!(scene.last.rechecks.is_empty(), "that is known");
    // And the way back: until a check saw the new certificate, there is no ground for another waiver.
    scene.act(ask());
    let waiver = only(&scene).id;
    scene.step(Event::FullyVerified { waiver });
    assert_eq!(scene.last.rechecks.len(), 1);
    let works = WaiverRefusal::Works(name("db"));
    assert_eq!(scene.state.check_waiver(&wish("x", None), scene.now), Err(works));
    scene.now += SignedDuration::from_secs(1);
    scene.check("db", gone());
    assert!(scene.state.check_waiver(&wish("x", None), scene.now).is_ok(), "a later check says otherwise");
}

/// The way back is looked for every few seconds, however seldom checks are.
#[test]
fn while_a_waiver_is_in_force_checks_come_often() {
    let mut scene = expired_with(|landscape| {
        landscape.dependencies.get_mut("db").unwrap().every = Duration::from_secs(3_600);
    });
    scene.act(ask());
    assert_eq!(scene.last.rechecks.len(), 1, "the next regular check may be an hour away");
    scene.now += SignedDuration::from_secs(30);
    scene.check("db", gone());
    let soon = scene.last.rechecks.last().expect("the check asks for the next one");
    assert_eq!((soon.dependency.as_str(), soon.after), ("db", Duration::from_secs(10)));
    let waiver = only(&scene).id;
    scene.act(Action::EndWaiver(waiver));
    scene.now += SignedDuration::from_secs(30);
    scene.check("db", gone());
    assert!(scene.last.rechecks.is_empty(), "{:?}", scene.last.rechecks);
}

#[test]
fn a_clock_that_is_set_right_prolongs_nothing() {
    let mut scene = expired();
    scene.now += days(2);
    scene.check("db", gone());
    scene.act(ask());
    scene.now -= days(2);
    scene.step(Event::Tick);
    let waiver = only(&scene);
    assert_eq!(waiver.ends_at(), Some(scene.now + hours(4)));
    let policy = scene.state.policy(scene.now);
    assert!(policy.waiver(&name("db"), scene.now).is_some(), "{policy:?}");
    scene.pass(4 * 3_600);
    over(&scene, &WaiverEnd::Time);
}

#[test]
fn risks_are_said_in_plain_words() {
    let scene = expired();
    let risks = scene.state.waiver_risks(&name("db"), Duration::from_secs(4 * 3_600), scene.now);
    insta::assert_snapshot!(risks.join("\n"), @r"
    Still checked: that it is exactly this certificate with this key, that the server holds the key, that the certificate is for db.example.com, and that its path leads to a trusted root and held when it expired.
    No longer checked: that the certificate is still valid. Whoever issued it no longer answers for it, nor for whether its key was stolen since.
    Until it ends, at 2026-06-06 06:00 UTC when it lasts 4h, anybody who holds the old key can pose as db, and read and change what is sent. It ends by itself before that when the server has a valid certificate again.
    db has no relay, so it takes effect only in programs that go by Mainstay's policy.
    ");
}
