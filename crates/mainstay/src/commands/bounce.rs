use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use axum::http::{Method, StatusCode};
use clap::Args;
use mainstay_model::Bounce as Returned;
use tracing::level_filters::LevelFilter;

use crate::client::{Content, Reach, Server};

/// `EX_TEMPFAIL` of sysexits(3): the mail server keeps the mail and tries again. Every mail server reads any other failure as final,
/// also those that sysexits has for wrong usage and configuration; then the mail would be gone, while all of these can be mended.
pub(crate) const TRY_AGAIN: u8 = 75;

/// Hand in a mail that came back, from standard input: for the alias that the address of mail.bounce_address leads to.
#[derive(Debug, Args)]
#[command(after_help = "In /etc/aliases, where mail servers run it as a user of their own:\n\n  \
    bounces: \"|/usr/local/bin/mainstay bounce --server http://127.0.0.1:8080 --token-file /etc/mainstay/bounce-token\"\n\n\
    Without --server, the server is found by the configuration: by the socket in its data directory, which belongs to the user it \
    runs as.\n\n\
    Exit codes: 0 it was handed in, or there is nothing to be done with it, such as an automatic answer; 75 everything else, so that \
    the mail server keeps it and tries again: no server answers, it refuses the token, or this was called wrongly.")]
pub(crate) struct Bounce {
    #[command(flatten)]
    reach: Reach,
}

impl Bounce {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let server = match self.reach.server(config) {
            Ok(server) => server,
            Err(problems) => {
                super::refuse(&problems);
                return ExitCode::from(TRY_AGAIN);
            }
        };
        super::in_runtime_with_code(LevelFilter::WARN, TRY_AGAIN, hand_in(server))
    }
}

#[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
async fn hand_in(server: Server) -> anyhow::Result<ExitCode> {
    let mail = read(io::stdin().lock()).context("the mail cannot be read from standard input")?;
    if mail.is_empty() {
        bail!("there is no mail on standard input; hand one in with `mainstay bounce < returned.eml`");
    }
    let answer = server.answer(Method::POST, "/api/v1/bounces", Content::Mail(&mail)).await?;
    // It would be refused as often as it is handed in.
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        println!("Nothing was done: {}", answer.refusal());
        return Ok(ExitCode::SUCCESS);
    }
    let taken = answer.granted()?;
    let (id, reason) = (&taken["delivery"], &taken["reason"]);
    let (Some(id), Some(reason), Some(lost)) = (id.as_str(), reason.as_str(), taken["lost"].as_bool()) else {
        bail!("the server answers something else than what became of the mail: it is one of another version");
    };
    let fate = if lost { "did not arrive" } else { "has not arrived yet and is still tried" };
    println!("Message {id} {fate}: {reason}");
    Ok(ExitCode::SUCCESS)
}

/// The beginning of a mail, which says everything. The rest is read as well, because some mail servers take a pipe that is closed
/// early for a failure.
fn read(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut mail = Vec::new();
    from.by_ref().take(Returned::LARGEST_MAIL as u64).read_to_end(&mut mail)?;
    io::copy(&mut from, &mut io::sink())?;
    Ok(mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_mail_the_beginning_is_kept_and_the_rest_is_read() {
        let mut long = io::Cursor::new(vec![b'x'; 3 * Returned::LARGEST_MAIL]);
        assert_eq!(read(&mut long).unwrap().len(), Returned::LARGEST_MAIL);
        assert_eq!(long.position(), 3 * Returned::LARGEST_MAIL as u64);
    }
}
