mod echo;
mod scene;
