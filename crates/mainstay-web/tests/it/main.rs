//! The operator's listener from outside: a real engine and a real store behind it, asked over HTTP and by a real browser.

mod alertmanager;
mod api;
mod around;
mod ask;
mod browser;
mod channels;
mod colours;
mod deliveries;
mod drills;
mod guard;
mod house;
mod messages;
mod metrics;
mod on_call;
mod pages;
mod room;
mod sample;
mod silences;
mod take_up;
mod waivers;
