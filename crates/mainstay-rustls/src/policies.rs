use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use mainstay_model::{DependencyName, RelayPolicy};
use mainstay_tls::{
    PolicyError, PolicyPublicKey, Revocations, SignedPolicy, SmallFileError, Terms, read_small_file,
};

/// The policy in use, and where later ones come from.
///
/// What cannot be read, is signed by none of the known keys, or is older than the policy in use, is not taken: the last good one
/// stays. That is safe for as long as one likes, because each waiver in it carries its own end. Before there was any, nothing
/// is waived.
#[derive(Debug)]
pub struct Policies {
    keys: Vec<PolicyPublicKey>,
    file: Option<Watched>,
    in_use: RwLock<InUse>,
    /// Why the latest attempt to take a policy failed.
    problem: Mutex<Option<String>>,
}

/// Why a policy was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The file gives no bytes.
    #[error("the policy in {path} was not taken: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: SmallFileError,
    },
    /// It is no policy of a known key.
    #[error("the policy was not taken: {0}")]
    Unfit(#[from] PolicyError),
    /// It is older than the one in use.
    #[error(
        "the policy was not taken: it is of {issued_at}, and that of {in_use} is in use; somebody may have put back an old one"
    )]
    Older {
        /// When it was made.
        issued_at: Timestamp,
        /// When the one in use was made.
        in_use: Timestamp,
    },
}

#[derive(Debug, Clone, Default)]
struct InUse {
    policy: Arc<RelayPolicy>,
    /// What the policy says was seen revoked, made ready once.
    revocations: Arc<Revocations>,
}

/// A file that is read again on use, at most once in a second: that costs less than a handshake by orders, and misses no change.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// The second in which it was looked at last.
    looked_at: AtomicU64,
    /// What it had when its policy was taken.
    taken: Mutex<Vec<u8>>,
}

impl Policies {
    /// Policies that the program brings itself, with [`Policies::offer`]: as often as it likes, from wherever it likes.
    pub fn offered(keys: impl IntoIterator<Item = PolicyPublicKey>) -> Policies {
        Policies {
            keys: keys.into_iter().collect(),
            file: None,
            in_use: RwLock::default(),
            problem: Mutex::default(),
        }
    }

    /// The policy in a file that Mainstay writes, read at once and whenever it changes. That it is missing or bad is no error
    /// here, since it may come later: [`Policies::problem`] tells.
    pub fn of_file(path: impl Into<PathBuf>, keys: impl IntoIterator<Item = PolicyPublicKey>) -> Policies {
        let watched = Watched { path: path.into(), looked_at: AtomicU64::new(0), taken: Mutex::default() };
        let policies = Policies { file: Some(watched), ..Policies::offered(keys) };
        let _noted = policies.refresh();
        policies
    }

    /// Takes this policy if it is a good one and no older than the one in use.
    pub fn offer(&self, envelope: &[u8]) -> Result<(), NotTaken> {
        self.note(self.take(envelope))
    }

    /// Reads the file now. It is read on use anyway; this is for programs that want to know what comes of it.
    pub fn refresh(&self) -> Result<(), NotTaken> {
        self.file.as_ref().map_or(Ok(()), |file| self.note(self.read(file)))
    }

    /// The policy in use; the empty one of 1970 before there was any.
    pub fn in_use(&self) -> Arc<RelayPolicy> {
        self.current().policy
    }

    /// Why the latest policy was not taken; `None` when all is well.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// By what a connection to this dependency is admitted, beside full verification.
    pub(crate) fn terms(&self, dependency: &DependencyName, now: Timestamp) -> Terms {
        self.look(now);
        let InUse { policy, revocations } = self.current();
        let waiver = policy.waiver(dependency, now).cloned();
        Terms { dependency: dependency.clone(), waiver, revocations }
    }

    fn look(&self, now: Timestamp) {
        let second = now.as_second().unsigned_abs();
        let is_first = |file: &Watched| file.looked_at.swap(second, Ordering::Relaxed) != second;
        if self.file.as_ref().is_some_and(is_first) {
            let _noted = self.refresh();
        }
    }

    fn read(&self, file: &Watched) -> Result<(), NotTaken> {
        let bytes = read_small_file(&file.path)
            .map_err(|reason| NotTaken::Unreadable { path: file.path.clone(), reason })?;
        let mut taken = file.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken != bytes {
            self.take(&bytes)?;
            *taken = bytes;
        }
        Ok(())
    }

    fn take(&self, envelope: &[u8]) -> Result<(), NotTaken> {
        let policy = SignedPolicy::open(envelope, &self.keys)?;
        let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        if policy.issued_at < in_use.policy.issued_at {
            let in_use = in_use.policy.issued_at;
            return Err(NotTaken::Older { issued_at: policy.issued_at, in_use });
        }
        let revocations = Arc::new(policy.revoked.iter().copied().collect());
        *in_use = InUse { policy: Arc::new(policy), revocations };
        Ok(())
    }

    fn current(&self) -> InUse {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A problem is logged when it comes up, not each time that it is met again.
    fn note(&self, outcome: Result<(), NotTaken>) -> Result<(), NotTaken> {
        let fresh = outcome.as_ref().err().map(ToString::to_string);
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = fresh.as_ref().filter(|_| *known != fresh) {
            tracing::warn!("{problem}");
        }
        *known = fresh;
        outcome
    }
}
