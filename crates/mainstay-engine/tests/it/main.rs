//! What the engine decides, told as short scenes.

mod availability;
mod certificates;
mod external;
mod invariants;
mod networks;
mod people;
mod scene;
mod silence;
