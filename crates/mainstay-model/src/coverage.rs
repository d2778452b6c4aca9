use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::failure::kinds;
use crate::{ChannelName, DependencyName, FailureKind, PersonName, Severity};

/// What a rehearsal found: for each dependency and each way in which it can break, whether somebody would be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The first moment at which breaks were played.
    pub from: Timestamp,
    /// The moment before which breaks were played.
    pub until: Timestamp,
    /// Each dependency, in the order of their names.
    pub dependencies: Vec<Covered>,
    /// What is wrong, worst first.
    pub holes: Vec<Hole>,
    /// How often the engine was played.
    pub plays: u64,
    /// Whether it was known which channels have ever worked.
    pub proof_known: bool,
}

/// One dependency and the ways in which it can break.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// Which.
    pub name: DependencyName,
    /// Each way.
    pub ways: Vec<Way>,
}

/// One way in which one dependency can break.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// Which way.
    pub breaking: Breaking,
    /// The worst that would happen at any moment of the time played.
    pub cover: Cover,
    /// How long after the break the first message goes out, in milliseconds, at the worst moment at which any does; where a
    /// certificate comes near its end, since it came so near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowest_ms: Option<u64>,
    /// What happens at which moments: each course once. Not part of what is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Course>,
}

/// What happens after a break at some moments, nobody taking it up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The first such moment.
    pub first: Timestamp,
    /// For how long of the time played a break would go like this, in seconds.
    pub seconds: u64,
    /// How it ends.
    pub cover: Cover,
    /// Everybody who is told, in order.
    pub told: Arc<Vec<Heard>>,
}

/// One message of a course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// How long after the break, in milliseconds.
    pub after_ms: u64,
    /// By which channel.
    pub channel: ChannelName,
    /// Whose channel it is, where it is somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonName>,
    /// What led to it.
    pub by: Leads,
    /// How urgent the incident was then.
    pub severity: Severity,
}

/// What led to a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Leads {
    /// A route, at once.
    Route,
    /// A step of an escalation.
    Step {
        /// Which escalation.
        escalation: String,
        /// Which step, from 1.
        step: u32,
        /// In which round, from 1.
        round: u32,
    },
    /// A digest.
    Digest,
    /// Nothing but the fallback, or any channel that there is.
    Fallback,
}

kinds! {
    /// Whether somebody would be told, from best to worst.
    Cover {
        /// Somebody is, in time.
        Covered = "covered",
        /// Somebody is, too late.
        Late = "late",
        /// Only by channels that never worked so far.
        Unproven = "unproven",
        /// Only those are who are told when nobody else can be.
        Fallback = "fallback",
        /// Only by channels that fail together with it.
        Shared = "shared",
        /// Nobody is.
        Nobody = "nobody",
    }
}

/// A way in which a dependency can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breaking {
    /// A check fails so; `too-slow` is one that works and is slow.
    Failure(FailureKind),
    /// Some of its addresses do not work.
    SomeAddresses,
    /// It changes between good and bad.
    Flapping,
    /// A certificate comes near its end.
    CertificateEnding,
    /// Checks of it do not run, or cannot tell.
    Unchecked,
}

impl Breaking {
    /// The word used in JSON and documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Breaking::Failure(kind) => kind.as_str(),
            Breaking::SomeAddresses => "some-addresses",
            Breaking::Flapping => "flapping",
            Breaking::CertificateEnding => "certificate-ending",
            Breaking::Unchecked => "unchecked",
        }
    }

    /// Where tables show it.
    pub fn group(self) -> BreakingGroup {
        use FailureKind::*;
        match self {
            Breaking::Failure(kind) if kind.is_certificate() => BreakingGroup::Certificate,
            Breaking::Failure(
                TlsNotOffered | TlsVersionUnsupported | TlsHandshakeFailed | ClientCertificateRequired,
            ) => BreakingGroup::Tls,
            Breaking::Failure(
                WrongProtocol | LoginRejected | QueryFailed | StatusUnexpected | ContentUnexpected,
            ) => BreakingGroup::Answer,
            Breaking::Failure(TooSlow) => BreakingGroup::Slow,
            Breaking::Failure(_) => BreakingGroup::Network,
            Breaking::SomeAddresses | Breaking::Flapping => BreakingGroup::Partly,
            Breaking::CertificateEnding => BreakingGroup::Ending,
            Breaking::Unchecked => BreakingGroup::Unchecked,
        }
    }
}

impl fmt::Display for Breaking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Breaking {
    type Err = ();

    fn from_str(text: &str) -> Result<Breaking, ()> {
        use Breaking::*;
        let ours = [SomeAddresses, Flapping, CertificateEnding, Unchecked];
        let ours = ours.into_iter().find(|one| one.as_str() == text);
        ours.map_or_else(|| text.parse().map(Failure), Ok)
    }
}

impl Serialize for Breaking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Breaking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Breaking, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom(format!("{text:?} is no way to break")))
    }
}

kinds! {
    /// Ways to break that stand in one column of a table.
    BreakingGroup {
        /// It cannot be reached.
        Network = "reach",
        /// TLS does not come about.
        Tls = "tls",
        /// The certificate does not verify.
        Certificate = "cert",
        /// The certificate ends soon.
        Ending = "ending",
        /// It answers wrongly.
        Answer = "answer",
        /// It is slow.
        Slow = "slow",
        /// A part of it, or only now and then.
        Partly = "partly",
        /// Nobody looks.
        Unchecked = "unseen",
    }
}

/// Something that is wrong with who would be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hole {
    /// What kind.
    pub code: HoleCode,
    /// From `warn` on it is a hole; `info` is advice.
    pub severity: Severity,
    /// Where in the configuration, as a path of keys and places from 0: `routes.2`, `schedules.platform`.
    pub place: String,
    /// One sentence: what is wrong.
    pub what: String,
    /// One sentence: how to mend it.
    pub mend: String,
    /// Which dependencies it concerns; empty where it is none in particular.
    pub dependencies: Vec<DependencyName>,
    /// How many ways to break it concerns.
    pub ways: u64,
    /// When, where it is not always; at most [`Hole::MOST_TIMES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Stretch>,
}

impl Hole {
    /// More stretches of time are not listed.
    pub const MOST_TIMES: usize = 10;

    /// Whether it is more than advice.
    pub fn is_one(&self) -> bool {
        self.severity >= Severity::Warn
    }
}

/// From one moment until another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, after the beginning.
    pub until: Timestamp,
}

kinds! {
    /// The stable list of what a rehearsal can find wrong.
    HoleCode {
        /// No route takes it.
        NoRoute = "no-route",
        /// A route mutes it.
        Muted = "muted",
        /// The rule that would notice is switched off.
        RuleSwitchedOff = "rule-switched-off",
        /// Only a schedule is told, and nobody is on call then.
        UnstaffedShift = "unstaffed-shift",
        /// A schedule has nobody at all.
        EmptyRotation = "empty-rotation",
        /// A silence hides it and does not end.
        SilenceWithoutEnd = "silence-without-end",
        /// Only a person without channels is told.
        PersonWithoutChannel = "person-without-channel",
        /// Every channel that tells of it belongs to the provider that failed, or leads there.
        SharedFate = "shared-fate",
        /// Every channel that tells of it has never worked so far.
        ChannelNeverProven = "channel-never-proven",
        /// The first message comes too late.
        TooLate = "too-late",
        /// Nothing notices it, though no rule is switched off.
        NotNoticed = "not-noticed",
        /// A rule of one's own notices a certificate's end only when it is past.
        RuleFiresTooLate = "rule-fires-too-late",
        /// A rule of one's own that nothing can make fire.
        RuleNeverFires = "rule-never-fires",
        /// A rule of one's own that fires while nothing is wrong.
        RuleAlwaysFires = "rule-always-fires",
        /// A route or a quiet time looks for a tag that nothing has.
        WrongTag = "wrong-tag",
        /// A route or a quiet time looks for what no dependency has.
        SelectsNothing = "selects-nothing",
        /// The status page lies with a provider whose failure it would have to show.
        StatusPageSharesFate = "status-page-shares-fate",
        /// Whether channels work is not known.
        ProofUnknown = "proof-unknown",
        /// Whether a channel fails together with a provider is not known, for its names could not be resolved.
        FateUnknown = "fate-unknown",
        /// Nobody is on call for a time, and others are told then.
        ScheduleGap = "schedule-gap",
        /// No route leads to an escalation.
        EscalationUnreachable = "escalation-unreachable",
        /// Nothing leads to a schedule.
        ScheduleUnused = "schedule-unused",
        /// Nobody is told when nobody was reached.
        NoFallback = "no-fallback",
    }
}

impl Coverage {
    /// In how many ways the dependencies can break.
    pub fn ways(&self) -> usize {
        self.dependencies.iter().map(|one| one.ways.len()).sum()
    }

    /// In how many of them it ends no better than so.
    pub fn at_least(&self, worst: Cover) -> usize {
        self.all().filter(|way| way.cover >= worst).count()
    }

    /// The longest that anybody waits for a first message of something that broke, in milliseconds. What is merely announced,
    /// and what is told late on purpose because it is not urgent, does not count.
    pub fn slowest_ms(&self) -> Option<u64> {
        let broke = self.all().filter(|way| way.breaking.group() != BreakingGroup::Ending);
        broke.filter(|way| way.cover == Cover::Covered).filter_map(|way| way.slowest_ms).max()
    }

    /// The whole in one sentence.
    pub fn sentence(&self) -> String {
        let ways = self.ways();
        let worst = self.all().map(|way| way.cover).max().unwrap_or(Cover::Covered);
        let count = self.all().filter(|way| way.cover == worst).count();
        match worst.in_words() {
            _ if ways == 0 => "Nothing is watched, so nothing can break.".to_owned(),
            Some(clause) => format!("In {count} of {ways} ways {clause}."),
            None => {
                let slowest = self.slowest_ms().map(|ms| {
                    let seconds = i64::try_from(ms.div_ceil(1_000)).unwrap_or(i64::MAX);
                    format!(
                        "; the slowest after {}",
                        crate::in_words(jiff::SignedDuration::from_secs(seconds))
                    )
                });
                let count = self.dependencies.len();
                let noun = if count == 1 { "dependency" } else { "dependencies" };
                let slowest = slowest.unwrap_or_default();
                format!("Somebody is told in all {ways} ways in which {count} {noun} can break{slowest}.")
            }
        }
    }

    /// Whether something is more than advice.
    pub fn has_holes(&self) -> bool {
        self.holes.iter().any(Hole::is_one)
    }

    /// The same without the courses: what is kept and shown in pages.
    pub fn brief(mut self) -> Coverage {
        self.dependencies.iter_mut().flat_map(|one| &mut one.ways).for_each(|way| way.courses.clear());
        self
    }

    fn all(&self) -> impl Iterator<Item = &Way> {
        self.dependencies.iter().flat_map(|one| &one.ways)
    }
}

impl Cover {
    /// What happens, as a clause; `None` where all is well.
    pub fn in_words(self) -> Option<&'static str> {
        match self {
            Cover::Covered => None,
            Cover::Late => Some("somebody is told too late"),
            Cover::Unproven => Some("only channels are told that never took a message so far"),
            Cover::Fallback => Some("only the fallback is told"),
            Cover::Shared => Some("only channels are told that fail together with what they tell of"),
            Cover::Nobody => Some("nobody is told"),
        }
    }

    /// The shape that stands for it wherever colour may be missing.
    pub fn symbol(self) -> char {
        match self {
            Cover::Covered => '●',
            Cover::Late => '▲',
            Cover::Unproven => '◇',
            Cover::Fallback => '◐',
            Cover::Shared => '◆',
            Cover::Nobody => '■',
        }
    }
}

impl Covered {
    /// The worst way of a group; `None` where it cannot break so.
    pub fn worst_of(&self, group: BreakingGroup) -> Option<Cover> {
        self.ways.iter().filter(|way| way.breaking.group() == group).map(|way| way.cover).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_one_word() {
        let all = FailureKind::ALL.iter().map(|kind| Breaking::Failure(*kind));
        use Breaking::*;
        for one in all.chain([SomeAddresses, Flapping, CertificateEnding, Unchecked]) {
            let json = serde_json::to_string(&one).unwrap();
            assert_eq!(json, format!("\"{one}\""));
            assert_eq!(serde_json::from_str::<Breaking>(&json).unwrap(), one);
        }
        assert!(serde_json::from_str::<Breaking>("\"gone\"").is_err());
    }
}
