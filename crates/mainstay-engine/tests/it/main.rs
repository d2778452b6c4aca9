//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod coverage;
mod escalation;
mod invariants;
mod networks;
mod oncall;
mod own_rules;
mod people;
mod quiet;
mod room;
mod routes;
mod scene;
mod schedules;
mod silence;
