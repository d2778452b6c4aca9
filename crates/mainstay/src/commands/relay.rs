use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use mainstay_model::Landscape;
use mainstay_tls::PolicyPublicKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;
use tracing::{info, warn};

use crate::client::{Reach, Server};
use crate::config::{self, Loaded};
use crate::inherited::Inherited;
use crate::tasks::elsewhere::{PolicyFollower, Teller};
use crate::tasks::relays::{Board, Relays};
use crate::tasks::reload::{self, Versions};

const NO_RELAY: &str = "no dependency has a relay: add `relay: { listen: 127.0.0.1:13306 }` to one";

/// Run only the relays of the configuration, and go by the policy of a server elsewhere.
#[derive(Debug, Args)]
#[command(
    after_help = "The policy says which expired certificates are waived. The latest one is kept in the data directory, and \
    holds when the server is gone; every waiver in it carries its own end. Without a server that was ever reached, nothing is waived."
)]
pub(crate) struct Relay {
    /// The public key that the server signs its policy with, as GET /api/v1/policy/key says. [default: the one that it says first,
    /// which is kept]
    #[arg(long, value_name = "KEY")]
    policy_key: Option<PolicyPublicKey>,
    #[command(flatten)]
    reach: Reach,
}

impl Relay {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let loaded = match config::load(config, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => return super::refuse(&problems),
        };
        let server = match self.reach.server(config) {
            Ok(server) => server,
            Err(problems) => return super::refuse(&problems),
        };
        let inherited = Inherited::of_process();
        super::in_runtime(LevelFilter::INFO, relay(config, loaded, inherited, server, self.policy_key))
    }
}

async fn relay(
    config: &Path,
    loaded: Loaded,
    inherited: Inherited,
    server: Server,
    key: Option<PolicyPublicKey>,
) -> anyhow::Result<()> {
    anyhow::ensure!(has_relays(&loaded), NO_RELAY);
    // Before anybody can connect: until then these signals would end it on the spot.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
    let hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be waited for")?;
    let versions = Versions::new(config.to_owned(), hang_up);
    let data_dir = data_dir(&loaded)?;
    let server = Arc::new(server);
    let follower = PolicyFollower::new(server.clone(), key, &data_dir);
    let ended_in = data_dir.clone();
    let stop = CancellationToken::new();
    let (policy, board) = (follower.policy(), Board::default());
    inherited.tell_of_others(&[], &loaded.landscape);
    let (landscape, inherited) = (watch::Sender::new(Arc::new(loaded.landscape)), Arc::new(inherited));
    let relays =
        Relays::start(landscape.subscribe(), policy, data_dir, inherited, board.clone(), stop.clone());
    let (relays, news) = relays.await?;
    for report in board.reports(Instant::now()) {
        info!("the relay of {} listens on {}", report.dependency, report.listen.join(", "));
    }
    let following = tokio::spawn(follower.run(stop.clone()));
    let telling = tokio::spawn(Teller::new(news, server, &ended_in).run(stop.clone()));
    let relaying = tokio::spawn(relays.run());
    let reloading = tokio::spawn(take_over(versions, landscape, ended_in, stop.clone()));
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT cannot be waited for")?,
    }
    info!("stopping, each connection at the end of its transaction");
    stop.cancel();
    let _ = tokio::join!(following, telling, relaying, reloading);
    Ok(())
}

/// Takes over new versions of the configuration until told to stop. One that cannot be used changes nothing.
async fn take_over(
    mut versions: Versions,
    landscape: watch::Sender<Arc<Landscape>>,
    data_dir: PathBuf,
    stop: CancellationToken,
) {
    loop {
        let version = tokio::select! {
            () = stop.cancelled() => return,
            version = versions.next() => version,
        };
        match version {
            Ok(loaded) if has_relays(&loaded) => {
                if loaded.server.data_dir != data_dir {
                    warn!("a new data_dir takes effect with a restart");
                }
                let dependencies = loaded.landscape.dependencies.len();
                info!("a new configuration is in force, with {dependencies} dependencies");
                landscape.send_replace(Arc::new(loaded.landscape));
            }
            Ok(_) => warn!("the new configuration is refused and the old one goes on: {NO_RELAY}"),
            Err(problems) => {
                reload::refused(&problems);
            }
        }
    }
}

fn has_relays(loaded: &Loaded) -> bool {
    loaded.landscape.dependencies.values().any(|one| one.relay.is_some())
}

fn data_dir(loaded: &Loaded) -> anyhow::Result<PathBuf> {
    let folder = loaded.server.data_dir.clone();
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the data directory {}", folder.display()))?;
    Ok(folder)
}
