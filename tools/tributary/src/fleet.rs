//! How a service is run: its program, its sub-commands and its settings.
//!
//! The one place that knows the contract with `libs/kit`. A setting is an environment variable:
//! `TRIBUTARY__…` for all services, `<SERVICE>__…` for one, nested by two underscores.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::child::ChildSpec;
use crate::programs::program;
use crate::replica::Replica;
use crate::token_key::TokenKey;

/// In the order of their ports.
pub const SERVICES: [&str; 9] = [
    "gateway",
    "billing",
    "allocation",
    "earnings",
    "payout",
    "fraud-limits",
    "balance-monitor",
    "webhook-ingest",
    "notifier",
];

/// The services that face the world are the last to come up and the first to go.
pub const EDGE: [&str; 2] = ["gateway", "webhook-ingest"];

/// The services that call Stripe, and the variable that gives each a key of its own.
pub const STRIPE_KEYS: [(&str, &str); 3] = [
    ("billing", "STRIPE_SECRET_KEY_BILLING"),
    ("payout", "STRIPE_SECRET_KEY_PAYOUT"),
    ("balance-monitor", "STRIPE_SECRET_KEY_MONITOR"),
];

/// How the keys for the sandbox begin. A shell that sourced an instance's env file has one, and it
/// must not be taken for a key of Stripe's.
pub const SANDBOX_KEY_PREFIX: &str = "sk_test_tributary";

pub const SANDBOX: &str = "stripe-sandbox";
/// Unless it is taken.
pub const SANDBOX_PORT: u16 = 12_111;
pub const AUDITOR: &str = "auditor";
pub const ISSUER: &str = "tributary-dev";
pub const AUDIENCE: &str = "tributary";

/// Longer than the 25 s in which a service promises to end.
const STOP_PATIENCE: Duration = Duration::from_secs(28);

/// A service's connections to Postgres, over all its processes.
const CONNECTIONS_MAX: u16 = 16;

pub fn schema_of(service: &str) -> String {
    service.replace('-', "_")
}

pub fn role_of(service: &str) -> String {
    format!("{}_svc", schema_of(service))
}

/// `FRAUD_LIMITS`: the prefix of one service's settings.
pub fn prefix_of(service: &str) -> String {
    schema_of(service).to_uppercase()
}

/// Where Stripe is, and with which keys we speak to it.
#[derive(Debug, Clone)]
pub struct Stripe {
    /// `None` for Stripe's own address.
    pub sandbox_url: Option<String>,
    /// By service, for those of [`STRIPE_KEYS`].
    pub secret_keys: BTreeMap<String, String>,
    /// What webhooks are signed with.
    pub webhook_secrets: Vec<String>,
}

impl Stripe {
    fn is_live(&self) -> bool {
        self.secret_keys
            .values()
            .any(|key| key.starts_with("sk_live_") || key.starts_with("rk_live_"))
    }
}

/// All that the settings of the services are made of.
pub struct Fleet {
    pub database_url: String,
    /// Where services find the socket of a server of our own: half the way of the loopback
    /// interface.
    pub database_socket: Option<String>,
    pub nats_url: String,
    pub nats_user: String,
    pub nats_password: String,
    pub nats_monitor_url: Option<String>,
    pub stripe: Stripe,
    /// How many processes of each service.
    pub replicas: u8,
    /// Internal ports by process.
    pub ports: BTreeMap<String, u16>,
    /// By process, for those that face the world.
    pub fronts: BTreeMap<String, u16>,
    /// Postgres passwords by role.
    pub passwords: BTreeMap<String, String>,
    pub token_keys: BTreeMap<String, TokenKey>,
    pub auth_secret: String,
}

pub fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

impl Fleet {
    /// The child to keep for one process.
    pub fn child(&self, replica: Replica) -> Result<ChildSpec> {
        Ok(ChildSpec {
            name: replica.name(),
            program: program(replica.service)?,
            args: vec!["serve".to_owned()],
            env: self.settings(replica)?,
            ids: None,
            stop_signal: Signal::SIGTERM,
            stop_patience: STOP_PATIENCE,
            alone_in: None,
        })
    }

    /// The one-time command that brings a service's schema up to date.
    pub fn migration(&self, service: &'static str) -> Result<ChildSpec> {
        let mut child = self.child(Replica { service, number: 1 })?;
        child.name = format!("migrate-{service}");
        child.args = vec!["migrate".to_owned()];
        // Only here: a service that serves never holds the owner's login.
        let key = format!("{}__POSTGRES__MIGRATE_URL", prefix_of(service));
        child.env.insert(key, self.database_url.clone());
        Ok(child)
    }

    /// The internal address of a process.
    pub fn url_of(&self, replica: Replica) -> Option<String> {
        self.ports.get(&replica.name()).copied().map(loopback)
    }

    /// Where a process faces the world.
    pub fn front_of(&self, replica: Replica) -> Option<String> {
        self.fronts.get(&replica.name()).copied().map(loopback)
    }

    fn settings(&self, replica: Replica) -> Result<BTreeMap<String, String>> {
        let mut env = self.shared_settings();
        let (service, name) = (replica.service, replica.name());
        let own = prefix_of(service);
        let mut set = |key: &str, value: String| env.insert(format!("{own}__{key}"), value);

        let role = role_of(service);
        let password = self
            .passwords
            .get(&role)
            .context("every role has a password")?;
        let login = Some((role.as_str(), password.as_str()));
        let url = crate::database::with(&self.database_url, None, login)?;
        set(
            "POSTGRES__URL",
            match &self.database_socket {
                Some(folder) => crate::database::by_socket(&url, folder)?,
                None => url,
            },
        );
        let port = self.ports.get(&name).context("every process has a port")?;
        set("SERVER__LISTEN", format!("127.0.0.1:{port}"));
        if let Some(port) = self.fronts.get(&name) {
            set("SERVER__PUBLIC_LISTEN", format!("127.0.0.1:{port}"));
        }
        let key = self
            .token_keys
            .get(service)
            .context("every service has a token key")?;
        set("TOKENS__PRIVATE_KEY", key.private.clone());
        if let Some(key) = self.stripe.secret_keys.get(service) {
            set("STRIPE__SECRET_KEY", key.clone());
            if let Some(url) = &self.stripe.sandbox_url {
                set("STRIPE__BASE_URL", url.clone());
            }
        }
        match service {
            "gateway" => {
                set("AUTH__HS256_SECRET", self.auth_secret.clone());
                set("AUTH__ISSUER", ISSUER.to_owned());
                set("AUTH__AUDIENCE", AUDIENCE.to_owned());
            }
            "webhook-ingest" => {
                set("WEBHOOKS__SECRETS", self.stripe.webhook_secrets.join(","));
            }
            _ => {}
        }
        Ok(env)
    }

    fn shared_settings(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let mut set = |key: String, value: String| env.insert(format!("TRIBUTARY__{key}"), value);
        set("LOG__FORMAT".to_owned(), "json".to_owned());
        set("LOG__LEVEL".to_owned(), "info".to_owned());
        set("NATS__URL".to_owned(), self.nats_url.clone());
        set("NATS__USER".to_owned(), self.nats_user.clone());
        set("NATS__PASSWORD".to_owned(), self.nats_password.clone());
        if let Some(url) = &self.nats_monitor_url {
            set("NATS__MONITOR_URL".to_owned(), url.clone());
        }
        // With a sandbox, business time is the sandbox's; with live keys there is only one time.
        let sandbox = self
            .stripe
            .sandbox_url
            .as_ref()
            .filter(|_| !self.stripe.is_live());
        let mode = if sandbox.is_some() {
            "sandbox"
        } else {
            "system"
        };
        set("CLOCK__MODE".to_owned(), mode.to_owned());
        if let Some(url) = sandbox {
            set("CLOCK__SANDBOX_URL".to_owned(), url.clone());
        }
        if self.replicas > 1 {
            // All of them together must fit into what the server takes.
            let each = CONNECTIONS_MAX / u16::from(self.replicas);
            set("POSTGRES__CONNECTIONS_MAX".to_owned(), each.to_string());
        }
        for service in SERVICES {
            let replicas = (1..=self.replicas).map(|number| Replica { service, number });
            let urls: Vec<String> = replicas.filter_map(|one| self.url_of(one)).collect();
            set(format!("PEERS__{}", prefix_of(service)), urls.join(","));
        }
        for (service, key) in &self.token_keys {
            set(
                format!("TOKENS__PUBLIC_KEYS__{}", prefix_of(service)),
                key.public.clone(),
            );
        }
        env
    }
}

/// The child to keep for Stripe's sandbox. Its clock starts at `clock_start` on the first run, and
/// goes on from its own journal afterwards.
pub fn sandbox_child(dir: &Path, port: u16, clock_start: &str) -> Result<ChildSpec> {
    let data = dir.join(SANDBOX);
    std::fs::create_dir_all(&data)?;
    let args = [
        "serve",
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--data",
        &data.to_string_lossy(),
        "--clock-start",
        clock_start,
    ];
    Ok(ChildSpec {
        name: SANDBOX.to_owned(),
        program: program(SANDBOX)?,
        args: args.map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        ids: None,
        stop_signal: Signal::SIGTERM,
        stop_patience: STOP_PATIENCE,
        alone_in: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    fn fleet() -> Fleet {
        let mut state = State::default();
        let each = |f: fn(&str) -> String| SERVICES.map(|s| (f(s), "secret".to_owned())).into();
        Fleet {
            database_url: "postgres://owner:ownerpw@127.0.0.1:5432/tributary".to_owned(),
            database_socket: None,
            nats_url: "nats://127.0.0.1:4222".to_owned(),
            nats_user: "tributary".to_owned(),
            nats_password: "natspw".to_owned(),
            nats_monitor_url: None,
            stripe: Stripe {
                sandbox_url: Some("http://127.0.0.1:12111".to_owned()),
                secret_keys: STRIPE_KEYS
                    .map(|(s, _)| (s.to_owned(), "sk_test_1".to_owned()))
                    .into(),
                webhook_secrets: vec!["whsec_a".to_owned(), "whsec_b".to_owned()],
            },
            replicas: 2,
            ports: (9101..)
                .zip(Replica::all(2))
                .map(|(port, one)| (one.name(), port))
                .collect(),
            fronts: [("gateway", 8080), ("gateway-2", 8090)]
                .map(|(name, port)| (name.to_owned(), port))
                .into(),
            passwords: each(role_of),
            token_keys: SERVICES
                .map(|s| (s.to_owned(), TokenKey::of(s, &mut state).expect("a key")))
                .into(),
            auth_secret: "hs256".to_owned(),
        }
    }

    #[test]
    fn each_service_gets_the_secrets_it_needs_and_no_others() {
        let fleet = fleet();
        for service in SERVICES {
            let env = fleet
                .child(Replica { service, number: 2 })
                .expect("a child")
                .env;
            let holds = |part: &str| {
                env.iter()
                    .any(|(k, v)| k.contains(part) || v.contains(part))
            };
            let stripe = ["billing", "payout", "balance-monitor"].contains(&service);
            assert_eq!(holds("sk_test_1"), stripe, "{service}");
            assert_eq!(holds("whsec_a"), service == "webhook-ingest", "{service}");
            assert_eq!(holds("hs256"), service == "gateway", "{service}");
            assert!(
                !holds("ownerpw"),
                "{service} must not hold the owner's login"
            );
            let private = env.keys().filter(|k| k.contains("PRIVATE_KEY")).count();
            assert_eq!(private, 1, "{service}");
            let foreign = env.keys().filter(|k| {
                !k.starts_with("TRIBUTARY__")
                    && !k.starts_with(&format!("{}__", prefix_of(service)))
            });
            assert_eq!(foreign.count(), 0, "{service}");
        }
    }

    #[test]
    fn only_migrate_holds_the_owners_login() {
        let child = fleet().migration("fraud-limits").expect("a child");
        assert_eq!(
            child.env["FRAUD_LIMITS__POSTGRES__MIGRATE_URL"],
            "postgres://owner:ownerpw@127.0.0.1:5432/tributary"
        );
        assert_eq!(
            child.env["FRAUD_LIMITS__POSTGRES__URL"],
            "postgres://fraud_limits_svc:secret@127.0.0.1:5432/tributary"
        );
    }

    #[test]
    fn replicas_differ_in_where_they_listen_and_know_of_each_other() {
        let fleet = fleet();
        let [one, two] = [1, 2].map(|number| {
            let service = "gateway";
            fleet.child(Replica { service, number }).expect("a child")
        });
        assert_eq!(
            (one.name.as_str(), two.name.as_str()),
            ("gateway", "gateway-2")
        );
        let differ = one
            .env
            .iter()
            .filter(|(key, value)| two.env[*key] != **value);
        let keys: Vec<&str> = differ.map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            ["GATEWAY__SERVER__LISTEN", "GATEWAY__SERVER__PUBLIC_LISTEN"]
        );
        assert_eq!(
            two.env["TRIBUTARY__PEERS__BILLING"],
            "http://127.0.0.1:9102,http://127.0.0.1:9111"
        );
        let all = usize::from(CONNECTIONS_MAX) * SERVICES.len();
        assert!(all < 180, "{all} connections are too many for one server");
    }

    #[test]
    fn a_live_key_never_meets_the_sandboxs_clock() {
        let mut fleet = fleet();
        assert_eq!(fleet.shared_settings()["TRIBUTARY__CLOCK__MODE"], "sandbox");
        fleet
            .stripe
            .secret_keys
            .insert("payout".to_owned(), "sk_live_1".to_owned());
        let env = fleet.shared_settings();
        assert_eq!(env["TRIBUTARY__CLOCK__MODE"], "system");
        assert!(!env.contains_key("TRIBUTARY__CLOCK__SANDBOX_URL"));
    }
}
