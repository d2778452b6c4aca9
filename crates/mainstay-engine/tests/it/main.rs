//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod coverage;
mod deliveries;
mod docs;
mod drills;
mod escalation;
mod external;
mod invariants;
mod networks;
mod oncall;
mod own_rules;
mod people;
mod proof;
mod quiet;
mod replays;
mod room;
mod routes;
mod scene;
mod schedules;
mod silence;
mod waiver_moves;
mod waivers;
