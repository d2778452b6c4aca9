use super::keeper::Keeper;
use super::place::Place;
use super::requirement::find_program;
use super::{Missing, free_port};
use crate::Identity;

/// An HTTP server with a plain port and one with TLS.
///
/// Of itself, `/` answers 200 with `mainstay test page`, `/500` and `/404` with those statuses, `/302` with a redirection.
#[derive(Debug)]
pub struct Nginx {
    keeper: Keeper,
    http_port: u16,
    https_port: u16,
}

impl Nginx {
    /// Whether nginx is installed here.
    pub fn available() -> Result<(), Missing> {
        let found = find_program("nginx", &[]);
        found.map(|_| ()).ok_or(Missing::new("nginx is not installed", "apt-get install nginx"))
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(identity: &Identity) -> Nginx {
        Nginx::serving(identity, PAGES)
    }

    /// Starts one that hands everything on to the server at this port on 127.0.0.1, as people put it before servers that speak no TLS.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn in_front_of(port: u16, identity: &Identity) -> Nginx {
        let proxy =
            format!("location / {{ proxy_pass http://127.0.0.1:{port}; proxy_set_header Host $http_host; }}");
        Nginx::serving(identity, &proxy)
    }

    fn serving(identity: &Identity, locations: &str) -> Nginx {
        let program = find_program("nginx", &[]).expect("the test asks available() first");
        let place = Place::new("nginx", &["www-data", "nginx", "nobody"]);
        place.write_identity(identity);
        let (http_port, https_port) = (free_port(), free_port());
        let configuration =
            place.write("nginx.conf", &configuration(&place, http_port, https_port, locations));
        let words = [program.display().to_string(), "-e".into(), "stderr".into(), "-c".into()];
        let server: Vec<String> = words.into_iter().chain([configuration.display().to_string()]).collect();
        let keeper = Keeper::start(place, &server, "TERM", "start worker process ");
        Nginx { keeper, http_port, https_port }
    }

    /// The plain port on 127.0.0.1.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// The TLS port on 127.0.0.1.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// Swaps the certificate while the server runs; new connections get the new one when this returns.
    pub fn reload_identity(&self, identity: &Identity) {
        self.keeper.place.write_identity(identity);
        // Until the old worker is gone it may still take a connection.
        self.keeper.signal_and_wait("HUP", "exited with code 0");
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }
}

const PAGES: &str = "location = / { return 200 'mainstay test page'; }
        location = /302 { return 302 /; }
        location = /404 { return 404; }
        location = /500 { return 500; }";

fn configuration(place: &Place, http_port: u16, https_port: u16, locations: &str) -> String {
    let here = place.directory.display();
    format!(
        "daemon off;
error_log stderr notice;
pid {here}/nginx.pid;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    server {{
        listen 127.0.0.1:{http_port};
        listen 127.0.0.1:{https_port} ssl;
        ssl_certificate {here}/chain.pem;
        ssl_certificate_key {here}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        {locations}
    }}
}}
"
    )
}
