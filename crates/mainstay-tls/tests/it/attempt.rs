//! A connection under a waiver, to be varied.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{DependencyName, Pin, PolicyWaiver, Random, WaiverId};
use mainstay_testkit::{Identity, Pki, Scenario};
use mainstay_tls::{
    Admitted, CertificateDer, Denied, Entry, Judge, NotWaived, Roots, Terms, parse_server_name,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;

use crate::judge::kinds;
use crate::wire;

pub(crate) const NAME: &str = "db.example.test";
pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn now() -> Timestamp {
    "2026-03-15T00:39:00Z".parse().unwrap()
}

/// When the leaf of an expired scenario ended.
pub(crate) fn end() -> Timestamp {
    now() - SignedDuration::from_mins(130)
}

/// A connection, and everything that it is decided by.
pub(crate) struct Attempt {
    pub(crate) identity: Identity,
    pub(crate) roots: Roots,
    pub(crate) terms: Terms,
    pub(crate) now: Timestamp,
}

impl Attempt {
    /// To a server that shows this, under a waiver for its leaf that began an hour ago and has three hours left.
    pub(crate) fn waived(pki: &Pki, identity: Identity) -> Attempt {
        let waiver = waiver_for(&identity.chain[0]);
        Attempt {
            identity,
            roots: roots(&pki.root_pem()),
            terms: Terms { waiver: Some(waiver), ..without_waiver() },
            now: now(),
        }
    }

    pub(crate) fn scenario(scenario: Scenario) -> Attempt {
        let pki = Pki::new(now());
        Attempt::waived(&pki, pki.identity(scenario, NAME))
    }

    pub(crate) fn waiver(&mut self) -> &mut PolicyWaiver {
        self.terms.waiver.as_mut().unwrap()
    }

    /// At another time, under a waiver of that time.
    pub(crate) fn at(mut self, time: Timestamp) -> Attempt {
        self.now = time;
        (self.waiver().from, self.waiver().until) = (time - HOUR, time + HOUR * 3);
        self
    }

    pub(crate) fn knowing(mut self, revoked: &[&CertificateDer<'_>]) -> Attempt {
        self.terms.revocations = Arc::new(revoked.iter().map(|der| pin_of(der).0.sha256).collect());
        self
    }

    /// The decision inside a real handshake, which has to be the one outside of it.
    pub(crate) fn decide(&self) -> Result<Admitted, Denied> {
        let name = parse_server_name(NAME).unwrap();
        let judge = Judge::new(self.roots.clone());
        let entry = Entry::new(&judge, name.clone(), &[], Arc::new(self.terms.clone()), None, self.now);
        let outcome = wire::connect(&entry.config, &entry.name, self.server());
        let decision = entry.decision().expect("the server has shown a chain").clone();
        assert_eq!(outcome.is_ok(), decision.is_ok(), "{:?}: {decision:?}", outcome.err());
        assert_eq!(decision, judge.admit(&self.identity.chain, &name, &self.terms, self.now));
        assert_eq!(entry.chain().unwrap().as_ref(), self.identity.chain);
        decision
    }

    /// rustls does not load small keys, so such a server has the key of another. The decision falls before that matters.
    fn server(&self) -> Arc<ServerConfig> {
        let Identity { chain, key } = &self.identity;
        let loads = default_provider().key_provider.load_private_key(key.clone_key()).is_ok();
        let other = || Pki::new(now()).identity(Scenario::Fine, NAME).key;
        let key = if loads { key.clone_key() } else { other() };
        Identity { chain: chain.clone(), key }.server_config_unchecked()
    }

    #[track_caller]
    pub(crate) fn admitted(&self, expected: Admitted) {
        assert_eq!(self.decide(), Ok(expected));
    }

    /// Refused, with these failures, and the waiver does not help for that reason.
    #[track_caller]
    pub(crate) fn refused(&self, failures: &str, reason: NotWaived) {
        let denied = self.decide().expect_err("it is not admitted");
        assert_eq!(kinds(&denied.judgement), failures, "{:#?}", denied.judgement.failures);
        assert_eq!(denied.not_waived, Some(reason));
    }
}

pub(crate) fn dependency() -> DependencyName {
    "orders-db".parse().unwrap()
}

pub(crate) fn without_waiver() -> Terms {
    Terms { dependency: dependency(), waiver: None, revocations: Arc::default() }
}

pub(crate) fn roots(pem: &str) -> Roots {
    Roots::from_pem(pem.as_bytes(), "root.pem").unwrap()
}

pub(crate) fn waiver_id() -> WaiverId {
    WaiverId::new(now(), &mut Random::seeded(7))
}

pub(crate) fn waiver_for(leaf: &CertificateDer<'_>) -> PolicyWaiver {
    let (pin, not_after) = pin_of(leaf);
    PolicyWaiver {
        id: waiver_id(),
        dependency: dependency(),
        server_name: NAME.to_owned(),
        pin,
        not_after,
        from: now() - HOUR,
        until: now() + HOUR * 3,
        url: None,
    }
}

pub(crate) fn pin_of(leaf: &CertificateDer<'_>) -> (Pin, Timestamp) {
    let judge = Judge::new(roots(&Pki::new(now()).root_pem()));
    let judgement = judge.judge(std::slice::from_ref(leaf), &parse_server_name(NAME).unwrap(), now());
    let certificate = &judgement.certificates[0];
    let pin = Pin { sha256: certificate.sha256, spki_sha256: certificate.spki_sha256 };
    (pin, certificate.not_after)
}
