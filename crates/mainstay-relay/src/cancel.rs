use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_wire::relay::CancelKey;

/// At which address each open connection is, by the key with which its statement can be cancelled: a request to cancel is for that
/// server and no other.
#[derive(Debug, Clone, Default)]
pub(crate) struct CancelKeys(Arc<Mutex<HashMap<CancelKey, SocketAddr>>>);

/// Keeps a key known for as long as its connection is open.
#[derive(Debug)]
pub(crate) struct KeptKey {
    keys: CancelKeys,
    key: CancelKey,
}

impl CancelKeys {
    pub(crate) fn keep(&self, key: CancelKey, address: SocketAddr) -> KeptKey {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), address);
        KeptKey { keys: self.clone(), key }
    }

    pub(crate) fn address(&self, key: &CancelKey) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

impl Drop for KeptKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
