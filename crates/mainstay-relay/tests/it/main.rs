mod echo;
mod faults;
mod marks;
mod mysql;
mod postgres;
mod redis;
mod scene;
