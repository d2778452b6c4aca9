mod echo;
mod faults;
mod mysql;
mod postgres;
mod redis;
mod scene;
