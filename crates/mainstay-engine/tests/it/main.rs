//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod invariants;
mod networks;
mod oncall;
mod people;
mod scene;
mod schedules;
mod silence;
