mod echo;
mod faults;
mod postgres;
mod scene;
