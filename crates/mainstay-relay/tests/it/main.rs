mod echo;
mod faults;
mod mysql;
mod postgres;
mod scene;
