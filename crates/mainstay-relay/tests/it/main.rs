mod echo;
mod postgres;
mod scene;
