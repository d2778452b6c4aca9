use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Command;

use mainstay_testkit::servers::{Nginx, free_port, require};
use mainstay_testkit::{Pki, Scenario};

use crate::instance::{Home, Instance, PATIENCE, checked_each_second, now};

/// Sockets as systemd hands them over: the third and fourth file of the process, which are said to be its own.
const HAND_OVER: &str = r#"exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" "$@""#;

fn started_with(home: &Home, first: &TcpListener, second: &TcpListener) -> Instance {
    let fd = |socket: &TcpListener| OwnedFd::from(socket.try_clone().expect("a second handle"));
    let mut shell = Command::new("sh");
    shell.args(["-c", HAND_OVER, env!("CARGO_BIN_EXE_mainstay"), "serve", "--config"]);
    shell.arg(home.path("mainstay.yaml")).stdin(fd(first)).stdout(fd(second));
    home.start(shell)
}

/// Whoever holds the sockets keeps them open between two processes: what is asked meanwhile waits, and is answered by the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_turns_nobody_away_whose_sockets_are_kept() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let nginx = Nginx::start(&pki.identity(Scenario::Fine, "localhost"));
    let home = Home::new();
    pki.write_root(home.directory());
    let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let pages = TcpListener::bind(here(home.operator_port())).expect("a free port");
    let relay = TcpListener::bind(here(free_port())).expect("a free port");
    let relay_port = relay.local_addr().expect("it is bound").port();
    home.configure(&format!(
        "{}    relay: {{ listen: 127.0.0.1:{relay_port} }}\n",
        checked_each_second(nginx.https_port()),
    ));
    let client = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build();
    let client = client.expect("a client");
    let ask = |port: u16, path: &'static str| {
        let asked = client.get(format!("http://127.0.0.1:{port}{path}")).send();
        tokio::spawn(async move { asked.await.expect("it is answered").status().as_u16() })
    };
    let before = home.ready(started_with(&home, &pages, &relay)).await;
    assert_eq!(ask(relay_port, "/").await.expect("no panic"), 200);
    before.kill();
    let waiting = [ask(relay_port, "/"), ask(home.operator_port(), "/healthz")];
    let after = home.ready(started_with(&home, &pages, &relay)).await;
    for answer in waiting {
        assert_eq!(answer.await.expect("no panic"), 200);
    }
    assert!(!after.log().contains("was handed over, but"), "both are used");
}
