//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod invariants;
mod networks;
mod own_rules;
mod people;
mod scene;
mod silence;
