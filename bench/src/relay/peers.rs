use std::path::{Path, PathBuf};

use mainstay_testkit::servers::free_port;

use super::contender::{Contender, Ports};
use super::{NAME, Place, USER};

/// Starts a peer, whose program is there.
type Start = fn(&Place<'_>, &Path) -> anyhow::Result<Contender>;

/// Everybody who is installed here; Mainstay first after the servers themselves.
pub(crate) fn all(place: &Place<'_>) -> anyhow::Result<Vec<Contender>> {
    let mut all = vec![Contender::direct(), mainstay(place)?];
    let peers: [(&str, Start); 4] =
        [("haproxy", haproxy), ("nginx", nginx), ("stunnel", stunnel), ("pgbouncer", pgbouncer)];
    for (name, start) in peers {
        match program(name) {
            Some(program) => all.push(start(place, &program)?),
            None => println!("left out: {name} is not installed"),
        }
    }
    Ok(all)
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

fn mainstay(place: &Place<'_>) -> anyhow::Result<Contender> {
    let (redis, postgres, mysql) = (free_port(), free_port(), free_port());
    let ca = place.ca_file.display();
    let yaml = format!(
        "server: {{ listen: 127.0.0.1:{}, data_dir: ./data }}\n\
         status_page: {{ listen: 127.0.0.1:{} }}\n\
         dependencies:\n  \
           cache: {{ url: rediss://{NAME}:{}, tls: {{ ca_file: {ca} }}, every: 24h, relay: {{ listen: 127.0.0.1:{redis} }} }}\n  \
           db: {{ url: postgres://{NAME}:{}, tls: {{ ca_file: {ca} }}, every: 24h, relay: {{ listen: 127.0.0.1:{postgres} }} }}\n  \
           shop: {{ url: mysql://{NAME}:{}, tls: {{ ca_file: {ca} }}, every: 24h, relay: {{ listen: 127.0.0.1:{mysql} }} }}\n",
        free_port(),
        free_port(),
        place.redis,
        place.postgres,
        place.mysql,
    );
    let file = write(place, "mainstay.yaml", &yaml)?;
    let program = std::env::current_exe()?.with_file_name("mainstay");
    let arguments = ["serve", "--config", &file];
    let ports = Ports { redis: Some(redis), postgres: Some(postgres), mysql: Some(mysql) };
    Contender::start("Mainstay", ports, &program, &arguments, place.directory)
}

fn haproxy(place: &Place<'_>, program: &Path) -> anyhow::Result<Contender> {
    let redis = free_port();
    let config = format!(
        "global\n  maxconn 5000\ndefaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n\
         listen redis\n  bind 127.0.0.1:{redis}\n  \
         server one 127.0.0.1:{} ssl verify required ca-file {} sni str({NAME}) verifyhost {NAME} no-ssl-reuse\n",
        place.redis,
        place.ca_file.display(),
    );
    let file = write(place, "haproxy.cfg", &config)?;
    Contender::start("HAProxy", only_redis(redis), program, &["-db", "-f", &file], place.directory)
}

fn nginx(place: &Place<'_>, program: &Path) -> anyhow::Result<Contender> {
    let redis = free_port();
    let here = place.directory.display();
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    let load = if Path::new(module).is_file() { format!("load_module {module};\n") } else { String::new() };
    let config = format!(
        "{load}daemon off; pid {here}/nginx.pid; error_log {here}/nginx.err; worker_processes 2;\n\
         events {{ worker_connections 5000; }}\n\
         stream {{ server {{ listen 127.0.0.1:{redis}; proxy_pass 127.0.0.1:{}; proxy_ssl on; proxy_ssl_verify on;\n\
         proxy_ssl_trusted_certificate {}; proxy_ssl_name {NAME}; proxy_ssl_server_name on; proxy_ssl_session_reuse off; }} }}\n",
        place.redis,
        place.ca_file.display(),
    );
    let file = write(place, "nginx.conf", &config)?;
    Contender::start(
        "nginx",
        only_redis(redis),
        program,
        &["-c", &file, "-p", &here.to_string()],
        place.directory,
    )
}

/// It can make the TLS of PostgreSQL, and no log-in by SCRAM then goes through it.
fn stunnel(place: &Place<'_>, program: &Path) -> anyhow::Result<Contender> {
    let redis = free_port();
    let config = format!(
        "foreground = yes\npid =\ndebug = 3\nsessionCacheSize = 1\n[redis]\nclient = yes\naccept = 127.0.0.1:{redis}\nconnect = 127.0.0.1:{}\n\
         CAfile = {}\nverifyChain = yes\ncheckHost = {NAME}\nsni = {NAME}\n",
        place.redis,
        place.ca_file.display(),
    );
    let file = write(place, "stunnel.conf", &config)?;
    Contender::start("stunnel", only_redis(redis), program, &[&file], place.directory)
}

/// It ends the log-in itself, with the password that it is given, and keeps connections to the server open.
fn pgbouncer(place: &Place<'_>, program: &Path) -> anyhow::Result<Contender> {
    let postgres = free_port();
    let (user, password) = USER;
    let users = write(place, "users.txt", &format!("\"{user}\" \"{password}\"\n"))?;
    let config = format!(
        "[databases]\nbench = host={NAME} port={} dbname=bench\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {postgres}\n\
         auth_type = scram-sha-256\nauth_file = {users}\nserver_tls_sslmode = verify-full\nserver_tls_ca_file = {}\n\
         pool_mode = session\nmax_client_conn = 2000\ndefault_pool_size = 100\nunix_socket_dir =\nuser = nobody\n",
        place.postgres,
        place.ca_file.display(),
    );
    let file = write(place, "pgbouncer.ini", &config)?;
    Contender::start(
        "PgBouncer",
        Ports { postgres: Some(postgres), ..Ports::default() },
        program,
        &["-q", &file],
        place.directory,
    )
}

fn only_redis(port: u16) -> Ports {
    Ports { redis: Some(port), ..Ports::default() }
}

fn write(place: &Place<'_>, name: &str, text: &str) -> anyhow::Result<String> {
    let path = place.directory.join(name);
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}
