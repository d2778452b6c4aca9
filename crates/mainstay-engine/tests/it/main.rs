//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod docs;
mod invariants;
mod networks;
mod own_rules;
mod people;
mod replays;
mod scene;
mod silence;
