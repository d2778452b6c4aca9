//! Real servers on loopback, each in a directory of its own, gone when its value is dropped.
//!
//! Root starts a server as the user that its package made for it; an ordinary user starts it as
//! themselves, where the server allows that (Postfix does not).

mod account;
mod alertmanager;
mod chromedriver;
mod keeper;
mod mariadb;
mod nginx;
mod place;
mod port;
mod postfix;
mod postgres;
mod prometheus;
mod redis;
mod requirement;
mod smtp_login;
mod template;

pub use account::{Account, Method};
pub use alertmanager::Alertmanager;
pub use chromedriver::Chromedriver;
pub use mariadb::{MariaDb, MariaDbOptions};
pub use nginx::Nginx;
pub use port::free_port;
pub use postfix::{Postfix, PostfixOptions};
pub use postgres::{Postgres, PostgresOptions};
pub use prometheus::{Prometheus, Rule};
pub use redis::{Redis, RedisOptions};
pub(crate) use requirement::find_program;
pub use requirement::{Missing, require, say_skipped};
