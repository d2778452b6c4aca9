//! What Mainstay keeps: the only crate that names the database. SQLite and PostgreSQL from one SQL text.
