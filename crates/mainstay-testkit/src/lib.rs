//! For tests only: a certification authority that breaks certificates on purpose, and servers that present them.

mod mailbox;
mod moody;
pub mod openssl;
mod pki;
mod receiver;
pub mod scripted;
pub mod servers;
mod wait;

pub use mailbox::{Mailbox, SmtpRefusal};
pub use moody::{Moody, Taken};
pub use pki::{CrlSpec, Identity, Key, Pki, Scenario, Spec};
pub use receiver::{Answer, Received, Receiver};
pub use wait::wait_for;
