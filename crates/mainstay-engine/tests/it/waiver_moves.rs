//! Whatever happens in whatever order, a waiver stays what it promises to be.

use std::collections::BTreeSet;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, Event, State, WaiverWish};
use mainstay_model::*;
use proptest::prelude::*;

use crate::scene::{Found, Scene, begin, days};

#[derive(Debug, Clone)]
enum Move {
    Check(usize, Seen),
    Wait(u32),
    Ask(usize, usize, Option<u64>),
    Answer(usize, bool),
    End(usize),
    Used,
    Verified(usize),
    Revoked(u8),
    SecondPerson(bool),
    Retarget(usize, u16),
    Forbid(usize, bool),
    ClockBack(i64),
    Restart,
}

/// What a check sees; only the first kind makes a waiver possible.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Expired(i64),
    ExpiredAndMore(i64),
    Valid,
    Refused,
    Unclear,
}

const NAMES: [&str; 2] = ["a", "b"];
const PEOPLE: [&str; 3] = ["ana", " ANA", "ben"];
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let seen = prop_oneof![
        6 => (1i64..3).prop_map(Seen::Expired),
        1 => (1i64..3).prop_map(Seen::ExpiredAndMore),
        1 => Just(Seen::Valid),
        1 => Just(Seen::Refused),
        1 => Just(Seen::Unclear),
    ];
    let which = 0..NAMES.len();
    let one = prop_oneof![
        8 => (which.clone(), seen).prop_map(|(name, seen)| Move::Check(name, seen)),
        4 => (1u32..7_200).prop_map(Move::Wait),
        8 => (which.clone(), 0..PEOPLE.len(), proptest::option::of(0u64..30))
            .prop_map(|(name, by, hours)| Move::Ask(name, by, hours)),
        6 => (0..PEOPLE.len(), any::<bool>()).prop_map(|(by, agrees)| Move::Answer(by, agrees)),
        1 => (0..PEOPLE.len()).prop_map(Move::End),
        1 => Just(Move::Used),
        1 => which.clone().prop_map(Move::Verified),
        1 => (0u8..40).prop_map(Move::Revoked),
        2 => any::<bool>().prop_map(Move::SecondPerson),
        1 => (which.clone(), 3306u16..3308).prop_map(|(name, port)| Move::Retarget(name, port)),
        1 => (which, any::<bool>()).prop_map(|(name, waivable)| Move::Forbid(name, waivable)),
        1 => (1i64..200_000).prop_map(Move::ClockBack),
        1 => Just(Move::Restart),
    ];
    proptest::collection::vec(one, 1..60)
}

/// The scene, and what a bystander knows of it.
struct Watched {
    scene: Scene,
    /// For each dependency, what the latest check saw, when, and at which port.
    seen: [Option<(Seen, Timestamp, u16)>; NAMES.len()],
    known: BTreeSet<WaiverId>,
    /// What was granted, of those that stand.
    granted: u32,
}

impl Watched {
    fn new() -> Watched {
        let mut scene = Scene::with(&NAMES);
        scene.now += days(4);
        Watched { scene, seen: Default::default(), known: BTreeSet::new(), granted: 0 }
    }

    fn dependency(&mut self, which: usize) -> &mut Dependency {
        self.scene.landscape.dependencies.get_mut(NAMES[which]).unwrap()
    }

    fn port(&self, which: usize) -> u16 {
        self.scene.landscape.dependencies[NAMES[which]].target.port
    }

    fn check(&mut self, which: usize, seen: Seen) {
        self.scene.now += SignedDuration::from_secs(1);
        let ended = |leaf: i64| Found::Expired(begin() - days(90), begin() + days(leaf));
        let mut report = self.scene.report(
            NAMES[which],
            match seen {
                Seen::Expired(leaf) | Seen::ExpiredAndMore(leaf) => ended(leaf),
                Seen::Valid => Found::Life(self.scene.now - days(1), self.scene.now + days(60)),
                Seen::Refused => Found::Bad(FailureKind::ConnectRefused),
                Seen::Unclear => Found::Unclear(FailureKind::NameNotResolved),
            },
        );
        if let Seen::ExpiredAndMore(_) = seen {
            let also =
                Failure::new(FailureKind::CertificateUntrusted, Phase::Tls, "Nobody knows its issuer.");
            report.addresses[0].also.push(also);
        }
        self.scene.step(Event::Checked(Box::new(report)));
        self.seen[which] = Some((seen, self.scene.now, self.port(which)));
    }

    /// What a bystander would say of the gate.
    fn possible(&self, name: &DependencyName) -> bool {
        let which = NAMES.iter().position(|one| *one == name.as_str()).unwrap();
        let dependency = &self.scene.landscape.dependencies[name];
        self.seen[which].is_some_and(|(seen, at, port)| {
            let age = self.scene.now.duration_since(at).abs();
            let only_expired = matches!(seen, Seen::Expired(_));
            only_expired
                && age <= SignedDuration::from_secs(120)
                && port == self.port(which)
                && dependency.waivable
        })
    }

    fn play(&mut self, one: &Move) {
        let pending = |state: &State| state.waivers().find(|one| !one.is_over()).map(|one| one.id);
        match one {
            Move::Check(which, seen) => self.check(*which, *seen),
            Move::Wait(seconds) => _ = self.scene.pass_by(i64::from(*seconds), 60),
            Move::Ask(which, by, hours) => {
                let lasts = hours.map(|hours| Duration::from_secs(hours * 3_600));
                let (dependency, reason) = (NAMES[*which].parse().unwrap(), "why not".into());
                let action = Action::RequestWaiver(WaiverWish { dependency, reason, lasts });
                self.act(*by, action);
            }
            Move::Answer(by, agrees) => {
                let asked =
                    NAMES.iter().find_map(|name| self.scene.state.waiver_asked_for(&name.parse().unwrap()));
                if let Some(id) = asked.map(|one| one.id) {
                    self.act(*by, if *agrees { Action::GrantWaiver(id) } else { Action::RefuseWaiver(id) });
                }
            }
            Move::End(by) => {
                if let Some(id) = pending(&self.scene.state) {
                    self.act(*by, Action::EndWaiver(id));
                }
            }
            Move::Used => {
                if let Some(waiver) = pending(&self.scene.state) {
                    self.scene.step(Event::WaiverUsed { waiver, count: 1, at: self.scene.now });
                }
            }
            Move::Verified(which) => {
                let name = NAMES[*which].parse().unwrap();
                let in_force = self.scene.state.waiver_in_force(&name, self.scene.now).map(|one| one.id);
                if let Some(waiver) = in_force {
                    self.scene.step(Event::FullyVerified { waiver });
                }
            }
            Move::Revoked(leaf) => {
                self.scene.step(Event::RevocationSeen { fingerprints: vec![Fingerprint([*leaf; 32])] });
            }
            Move::SecondPerson(wanted) => {
                self.scene.landscape.waivers.second_person = *wanted;
                self.scene.configure();
            }
            Move::Retarget(which, port) => {
                self.dependency(*which).target.port = *port;
                self.scene.configure();
                self.seen[*which] = self.seen[*which].filter(|(.., before)| before == port);
            }
            Move::Forbid(which, waivable) => {
                self.dependency(*which).waivable = *waivable;
                self.scene.configure();
            }
            Move::ClockBack(seconds) => {
                self.scene.now -= SignedDuration::from_secs(*seconds);
                self.scene.step(Event::Tick);
            }
            Move::Restart => self.restart(),
        }
    }

    fn act(&mut self, by: usize, action: Action) {
        self.scene.step(Event::Operator { by: PEOPLE[by].into(), action });
    }

    /// Begins anew from what was written.
    fn restart(&mut self) {
        let dependencies = self.scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
        let incidents = self.scene.state.incidents().map(|one| one.as_ref().clone()).collect();
        let waivers = self.scene.state.waivers().map(|one| written(&self.scene, one.id)).collect();
        let revoked = self.scene.written.revoked.clone();
        self.scene.state = State::restored(dependencies, incidents).waived(waivers, revoked);
        self.scene.configure();
    }

    fn look(&mut self, after: &Move) {
        let waivers: Vec<_> = self.scene.state.waivers().cloned().collect();
        for name in NAMES {
            let of_it = || waivers.iter().filter(|one| one.dependency.as_str() == name);
            assert!(
                of_it().filter(|one| one.ends_at().is_some()).count() <= 1,
                "two are active: {waivers:?}"
            );
            let asked = |one: &&std::sync::Arc<Waiver>| one.state == WaiverState::Requested;
            assert!(of_it().filter(asked).count() <= 1, "two wait: {waivers:?}");
        }
        for waiver in &waivers {
            if self.known.insert(waiver.id) {
                assert!(self.possible(&waiver.dependency), "after {after:?} there is {waiver:?}");
            }
            if let WaiverState::Active { granted, ends_at } = &waiver.state {
                let now = self.scene.now;
                assert!(
                    ends_at.duration_since(now) <= DAY && ends_at.duration_since(granted.at) <= DAY,
                    "{waiver:?}"
                );
            }
            assert_eq!(**waiver, written(&self.scene, waiver.id), "it is written as it stands");
            self.granted += u32::from(waiver.granted().is_some());
        }
        let policy = self.scene.state.policy(self.scene.now);
        for rule in &policy.waivers {
            let waiver = waivers.iter().find(|one| one.id == rule.id).unwrap();
            assert!(waiver.is_in_force(self.scene.now) && rule.is_in_force(self.scene.now), "{rule:?}");
            assert_eq!((rule.pin, Some(rule.until)), (waiver.pin, waiver.ends_at()));
            assert!(!policy.revoked.contains(&rule.pin.sha256));
        }
    }
}

fn written(scene: &Scene, id: WaiverId) -> Waiver {
    let mut all = scene.written.waivers.iter();
    all.rfind(|one| one.id == id).expect("it was written").as_ref().clone()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_waiver_is_one_and_short_and_had_its_grounds(moves in moves()) {
        let mut watched = Watched::new();
        for one in &moves {
            watched.play(one);
            watched.look(one);
        }
    }
}

/// The moves above are of use only if they lead somewhere.
#[test]
fn the_moves_lead_to_waivers() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut granted = 0;
    for _ in 0..50 {
        let mut watched = Watched::new();
        for one in moves().new_tree(&mut runner).unwrap().current() {
            watched.play(&one);
            watched.look(&one);
        }
        granted += watched.granted;
    }
    assert!(granted > 50, "{granted}");
}
