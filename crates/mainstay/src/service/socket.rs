use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::Router;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::listen::listen;
use crate::client::socket_in;

/// Bytes that the path of a socket may have on Linux, its end included (unix(7)).
const LONGEST_PATH: usize = 107;

/// The folder in which a socket is made before it gets its name.
const NURSERY: &str = ".s";

/// Where commands on this machine reach the server: a socket that only the server's own user can open.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Takes the socket's place in the data directory. One that nobody answers at any more is replaced.
    ///
    /// `None`, with a warning, where the path is too long for a socket: everything else works without it.
    pub(super) fn bind(data_dir: &Path) -> anyhow::Result<Option<Socket>> {
        let path = socket_in(data_dir);
        if path.as_os_str().len() > LONGEST_PATH {
            warn!(
                "{} is too long for a socket, so commands on this machine do not find this server; give them --server, or choose \
                 a shorter server.data_dir",
                path.display()
            );
            return Ok(None);
        }
        fs::create_dir_all(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
        refuse_occupied(&path)?;
        let listener = bind_privately(data_dir, &path);
        let listener = listener.with_context(|| format!("cannot make the socket {}", path.display()))?;
        Ok(Some(Socket { listener, path }))
    }

    /// Answers until told to stop, and leaves nothing behind.
    pub(super) async fn listen(self, router: Router, stop: CancellationToken) {
        listen(self.listener, router, stop).await;
        // The next server replaces one that stays behind.
        let _ = fs::remove_file(&self.path);
    }
}

fn refuse_occupied(path: &Path) -> anyhow::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let shown = path.display();
    anyhow::ensure!(
        found.file_type().is_socket(),
        "{shown} is in the way: it is no socket, and Mainstay needs that name for its own. Move it away"
    );
    anyhow::ensure!(
        UnixStream::connect(path).is_err(),
        "another Mainstay answers at {shown}. Stop it first, or give this one another server.data_dir"
    );
    Ok(())
}

/// In a folder that nobody else can enter, so that there is no moment at which others could open it; then it takes its place at once.
fn bind_privately(data_dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let nursery = data_dir.join(NURSERY);
    // Left behind by one that was stopped right here.
    let _ = fs::remove_dir_all(&nursery);
    fs::DirBuilder::new().mode(0o700).create(&nursery)?;
    let fresh = nursery.join("s");
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
    fs::rename(&fresh, path)?;
    fs::remove_dir(&nursery)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let folder =
                std::env::temp_dir().join(format!("mainstay-socket-{}-{number}", std::process::id()));
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn only_its_owner_can_open_it() {
        let folder = Folder::new();
        let socket = Socket::bind(&folder.0).unwrap().unwrap();
        let mode = fs::metadata(&socket.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!folder.0.join(NURSERY).exists());
    }

    #[tokio::test]
    async fn one_that_nobody_answers_at_is_replaced_and_one_that_is_answered_is_not() {
        let folder = Folder::new();
        let first = Socket::bind(&folder.0).unwrap().unwrap();
        let refused = Socket::bind(&folder.0).unwrap_err().to_string();
        assert!(refused.starts_with("another Mainstay answers at"), "{refused}");
        drop(first);
        assert!(socket_in(&folder.0).exists(), "it stays behind when a server is killed");
        Socket::bind(&folder.0).unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(socket_in(&folder.0), "mine").unwrap();
        let refused = Socket::bind(&folder.0).unwrap_err().to_string();
        assert!(refused.contains("it is no socket"), "{refused}");
        assert_eq!(fs::read_to_string(socket_in(&folder.0)).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_done_without() {
        let folder = Folder::new();
        assert!(Socket::bind(&folder.0.join("x".repeat(100))).unwrap().is_none());
    }

    #[tokio::test]
    async fn it_goes_when_the_server_is_told_to_stop() {
        let folder = Folder::new();
        let socket = Socket::bind(&folder.0).unwrap().unwrap();
        let stop = CancellationToken::new();
        let listening = tokio::spawn(socket.listen(Router::new(), stop.clone()));
        assert!(UnixStream::connect(socket_in(&folder.0)).is_ok());
        stop.cancel();
        listening.await.unwrap();
        assert!(!socket_in(&folder.0).exists());
    }
}
