use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Identity;

/// A directory under the system's temporary one, owned by the user that the server runs as.
///
/// It is removed by the [`super::keeper::Keeper`] that guards it, even when this process is killed.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    owner: Option<Owner>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Place {
    /// Makes the directory. Root gives it to the first of `users` that exists; an ordinary user keeps it.
    pub(crate) fn new(name: &str, users: &[&str]) -> Place {
        let directory = unused_directory(name);
        // Servers with several users of their own (Postfix) must be able to walk through it.
        set_mode(&directory, 0o755);
        let is_root = fs::metadata(&directory).expect("the directory was just made").uid() == 0;
        let owner = if is_root { users.iter().find_map(|user| packaged(user)) } else { None };
        let place = Place { directory, owner };
        place.give(&place.directory);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file that everybody can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        self.write_with_mode(name, text, 0o644)
    }

    /// Writes a file that only the server's user can read, as they demand of keys.
    pub(crate) fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        self.write_with_mode(name, text, 0o600)
    }

    fn write_with_mode(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        set_mode(&path, mode);
        self.give(&path);
        path
    }

    /// Writes `chain.pem` and `key.pem`.
    pub(crate) fn write_identity(&self, identity: &Identity) {
        self.write("chain.pem", &identity.chain_pem());
        self.write_secret("key.pem", &identity.key_pem());
    }

    /// Makes a directory that the server's user owns.
    pub(crate) fn make_directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        self.give(&path);
        path
    }

    /// A command that runs as the server's user, here, with nothing inherited from the environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        clean_environment(&mut command).current_dir(&self.directory);
        if let Some(Owner { uid, gid }) = self.owner {
            command.gid(gid).uid(uid);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some(Owner { uid, gid }) = self.owner {
            chown(path, Some(uid), Some(gid))
                .unwrap_or_else(|error| panic!("cannot give {} away: {error}", path.display()));
        }
    }
}

/// Settings of whoever runs the tests (locale, `PGHOST`, option files) must not reach servers and their clients.
pub(crate) fn clean_environment(command: &mut Command) -> &mut Command {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    command.env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC")
}

/// Runs to the end and gives what it printed; panics with it when it failed.
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let printed = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?} failed: {printed}{}", String::from_utf8_lossy(&stderr));
    printed
}

fn unused_directory(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // Short, because the path of a Unix socket in it may not exceed 107 bytes.
    let directory = std::env::temp_dir().join(format!("mainstay-{name}-{}-{number}", std::process::id()));
    // What an earlier process with the same number may have left behind.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap_or_else(|error| panic!("cannot make {}: {error}", directory.display()));
    directory
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .unwrap_or_else(|error| panic!("cannot set the mode of {}: {error}", path.display()));
}

fn packaged(user: &str) -> Option<Owner> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&user))?;
    Some(Owner { uid: found.get(2)?.parse().ok()?, gid: found.get(3)?.parse().ok()? })
}
