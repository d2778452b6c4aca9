//! The operator's listener from outside: a real engine and a real store behind it, asked over HTTP and by a real browser.

mod alertmanager;
mod api;
mod ask;
mod browser;
mod colours;
mod deliveries;
mod guard;
mod house;
mod metrics;
mod on_call;
mod pages;
mod sample;
