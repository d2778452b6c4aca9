use askama::Template;
use mainstay_model::{Impact, PublicStatus, PublicUpdate};

use super::bars::{DAYS, Day};
use super::figures::{Condition, Figures, PublicComponent, PublicIncident};
use crate::show::{Sign, When};

#[derive(Template)]
#[template(path = "public/overview.html")]
struct Overview<'a> {
    figures: &'a Figures,
    sentence: String,
}

#[derive(Template)]
#[template(path = "public/history.html")]
struct History<'a> {
    figures: &'a Figures,
}

#[derive(Template)]
#[template(path = "public/incident.html")]
struct IncidentPage<'a> {
    figures: &'a Figures,
    incident: &'a PublicIncident,
}

#[derive(Template)]
#[template(path = "public/not_found.html")]
struct NotFound;

pub(super) fn overview(figures: &Figures) -> String {
    rendered(&Overview { figures, sentence: figures.sentence() })
}

pub(super) fn history(figures: &Figures) -> String {
    rendered(&History { figures })
}

pub(super) fn incident(figures: &Figures, incident: &PublicIncident) -> String {
    rendered(&IncidentPage { figures, incident })
}

pub(super) fn not_found() -> String {
    rendered(&NotFound)
}

/// Rendering into memory fails only when the memory is gone, and then a line is all that is left to say.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|_| "The page cannot be shown right now.".into())
}

impl Figures {
    /// How many resolved incidents the first page shows below the open ones.
    const PAST: usize = 10;

    fn is_calm(&self) -> bool {
        self.open_incidents().next().is_none()
    }

    fn past(&self) -> Vec<&PublicIncident> {
        self.incidents.iter().filter(|incident| !incident.is_open()).take(Self::PAST).collect()
    }

    fn made(&self) -> When {
        When::clock(self.now, self.now)
    }
}

impl PublicIncident {
    /// What customers feel of it now: what is mended and only watched is not the outage that it was.
    pub(super) fn felt_now(&self) -> Impact {
        match self.status {
            PublicStatus::Monitoring => self.impact.min(Impact::Minor),
            _ => self.impact,
        }
    }

    fn sign(&self) -> Sign {
        match (self.is_open(), self.felt_now()) {
            (false, _) => Sign::Healthy,
            (true, Impact::Critical | Impact::Major) => Sign::Down,
            (true, Impact::Minor) => Sign::Degraded,
            (true, Impact::None) => Sign::Unknown,
        }
    }

    fn status_word(&self) -> &'static str {
        word(self.status)
    }

    fn began(&self, figures: &Figures) -> When {
        When::relative(self.started_at, figures.now)
    }

    fn lasted(&self) -> Option<When> {
        self.resolved_at.map(|end| When::length(self.started_at, end))
    }

    fn stage(&self, update: &PublicUpdate) -> &'static str {
        word(update.status)
    }

    fn told(&self, update: &PublicUpdate, figures: &Figures) -> When {
        When::relative(update.at, figures.now)
    }

    fn affects(&self, figures: &Figures) -> String {
        self.components.iter().map(|name| figures.title_of(name)).collect::<Vec<_>>().join(", ")
    }
}

/// The word for where an incident stands, as customers read it.
fn word(status: PublicStatus) -> &'static str {
    match status {
        PublicStatus::Investigating => "Investigating",
        PublicStatus::Identified => "Identified",
        PublicStatus::Monitoring => "Monitoring",
        PublicStatus::Resolved => "Resolved",
    }
}

impl PublicComponent {
    fn class(&self) -> &'static str {
        class(self.condition)
    }

    fn shape(&self) -> &'static str {
        match self.condition {
            Condition::Operational => Sign::Healthy.shape(),
            Condition::Degraded => Sign::Degraded.shape(),
            Condition::PartialOutage | Condition::MajorOutage => Sign::Down.shape(),
        }
    }

    fn word(&self) -> &'static str {
        match self.condition {
            Condition::Operational => "works normally",
            Condition::Degraded => "may be slow",
            Condition::PartialOutage => "partly not available",
            Condition::MajorOutage => "not available",
        }
    }

    /// Never rounded up to a whole that is not one.
    fn uptime(&self) -> Option<String> {
        self.bars.uptime.map(|share| match share {
            1.0.. => "100 %".to_owned(),
            _ => format!("{:.2} %", (share * 10_000.0).floor() / 100.0),
        })
    }

    /// The bars in words, for who cannot see them.
    fn bars_in_words(&self) -> String {
        let known = self.bars.days.iter().filter(|day| day.worst.is_some()).count();
        let bad = self
            .bars
            .days
            .iter()
            .filter(|day| day.worst.is_some_and(|worst| worst > Condition::Operational))
            .count();
        match (known, bad) {
            (0, _) => format!("{}: nothing is known of the last {DAYS} days yet.", self.title),
            (_, 0) => format!("{}: no trouble on any of the {known} days that are known.", self.title),
            (_, bad) => format!("{}: trouble on {bad} of the {known} days that are known.", self.title),
        }
    }
}

fn class(condition: Condition) -> &'static str {
    match condition {
        Condition::Operational => "healthy",
        Condition::Degraded => "degraded",
        Condition::PartialOutage | Condition::MajorOutage => "down",
    }
}

impl Day {
    fn fill(&self) -> &'static str {
        self.worst.map_or("line", class)
    }

    fn title(&self) -> String {
        let date = self.date.strftime("%-d %b %Y");
        match self.worst {
            None => format!("{date}: not known"),
            Some(Condition::Operational) => format!("{date}: no trouble"),
            Some(Condition::Degraded) => format!("{date}: was slow for a time"),
            Some(_) => format!("{date}: not available for {}", mainstay_model::in_words(self.away)),
        }
    }

    /// A bad day reaches higher, so that it is seen without its colour too.
    fn top(&self) -> u32 {
        match self.worst {
            None => 14,
            Some(Condition::Operational) => 6,
            Some(Condition::Degraded) => 3,
            Some(_) => 0,
        }
    }
}
