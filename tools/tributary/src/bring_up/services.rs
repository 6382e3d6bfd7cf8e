//! The nine services and Stripe's sandbox, on servers that are ready.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Servers, Steps};
use crate::child::{open_log, tail};
use crate::fleet::{
    self, AUDITOR, Fleet, SANDBOX, SANDBOX_KEY_PREFIX, SANDBOX_PORT, SERVICES, STRIPE_KEYS, Stripe,
    loopback, prefix_of, role_of,
};
use crate::ladder::variable;
use crate::replica::Replica;
use crate::token_key::TokenKey;
use crate::{database, endpoints, nats};

impl Steps<'_> {
    pub(super) async fn services(&mut self, servers: Servers) -> Result<()> {
        if servers.database_given {
            // The roles' passwords are about to change under whoever uses them.
            database::refuse_in_use(&servers.database_url).await?;
        }
        database::apply_roles(&servers.database_url, &mut self.state).await?;
        let stripe = self.stripe()?;
        let fleet = self.fleet(servers, stripe)?;
        self.state.save(&self.instance.dir)?;
        let (stripe, ()) = {
            let this = &*self;
            let start = this.start_sandbox(&fleet.stripe);
            tokio::try_join!(start, this.migrate(&fleet))?
        };
        let fleet = Fleet { stripe, ..fleet };
        let fleet = self.with_endpoints(fleet).await?;
        let replicas = Replica::all(fleet.replicas);
        for replica in &replicas {
            self.instance.supervisor.keep(fleet.child(*replica)?)?;
        }
        self.tell_services(&fleet, &replicas)?;
        let waits = replicas.iter().map(|one| self.wait_ready(*one, &fleet));
        self.or_failed(try_join_all(waits)).await?;
        Ok(())
    }

    /// Stripe itself if there is a key for it, else the sandbox.
    fn stripe(&mut self) -> Result<Stripe> {
        let own_key = format!("{SANDBOX_KEY_PREFIX}{}", self.state.password("stripe")?);
        let given = real_stripe_key();
        let sandbox_url = match given {
            Some(_) => None,
            None => Some(loopback(self.port(SANDBOX, Some(SANDBOX_PORT))?)),
        };
        let key_of = |own: &str| match &given {
            Some(shared) => variable(own).unwrap_or_else(|| shared.clone()),
            None => own_key.clone(),
        };
        let secret_keys: BTreeMap<String, String> = STRIPE_KEYS
            .map(|(service, own)| (service.to_owned(), key_of(own)))
            .into();
        let webhook_secrets = variable("STRIPE_WEBHOOK_SECRET").filter(|_| given.is_some());
        ensure!(
            given.is_none() || webhook_secrets.is_some(),
            "STRIPE_SECRET_KEY is set, so Stripe signs the webhooks: set STRIPE_WEBHOOK_SECRET \
             too (whsec_…; several with commas between), or unset both for the sandbox"
        );
        let webhook_secrets = webhook_secrets.unwrap_or_default();
        let webhook_secrets = webhook_secrets.split(',').filter(|s| !s.is_empty());
        let shared = given.clone().unwrap_or(own_key.clone());
        self.tell("STRIPE_SECRET_KEY", &shared);
        Ok(Stripe {
            sandbox_url,
            secret_keys,
            webhook_secrets: webhook_secrets.map(str::to_owned).collect(),
        })
    }

    fn fleet(&mut self, servers: Servers, stripe: Stripe) -> Result<Fleet> {
        let (nats_user, nats_password) = nats::credentials(&servers.nats_url);
        let (mut ports, mut fronts) = (BTreeMap::new(), BTreeMap::new());
        let mut token_keys = BTreeMap::new();
        let replicas = self.options.replicas;
        for replica in Replica::all(replicas) {
            let name = replica.name();
            if let Some((front, usual)) = replica.front() {
                fronts.insert(name.clone(), self.port(&front, usual)?);
            }
            let port = self.port(&name, replica.usual_port())?;
            ports.insert(name, port);
        }
        for service in SERVICES {
            token_keys.insert(service.to_owned(), TokenKey::of(service, &mut self.state)?);
        }
        let roles = SERVICES
            .iter()
            .map(|service| role_of(service))
            .chain([AUDITOR.to_owned()]);
        let passwords = roles
            .map(|role| Ok((role.clone(), self.state.password(&format!("role:{role}"))?)))
            .collect::<Result<_>>()?;
        Ok(Fleet {
            nats_url: nats::without_credentials(&servers.nats_url),
            nats_user,
            nats_password,
            nats_monitor_url: servers.nats_monitor_url,
            database_url: servers.database_url,
            database_socket: servers.database_socket,
            stripe,
            replicas,
            ports,
            fronts,
            passwords,
            token_keys,
            auth_secret: self.state.long_secret("auth")?,
        })
    }

    async fn start_sandbox(&self, stripe: &Stripe) -> Result<Stripe> {
        if let Some(url) = &stripe.sandbox_url {
            let port = *self
                .state
                .ports
                .get(SANDBOX)
                .context("the sandbox has a port")?;
            let now = OffsetDateTime::now_utc()
                .replace_nanosecond(0)?
                .format(&Rfc3339)?;
            let start = self.options.clock_start.as_deref().unwrap_or(&now);
            let child = fleet::sandbox_child(&self.instance.dir, port, start)?;
            self.instance.supervisor.keep(child)?;
            let health = format!("{url}/_sandbox/health");
            self.or_failed(self.wait_ok(SANDBOX, &health)).await?;
        }
        Ok(stripe.clone())
    }

    async fn migrate(&self, fleet: &Fleet) -> Result<()> {
        try_join_all(SERVICES.map(|service| self.migrate_one(service, fleet))).await?;
        Ok(())
    }

    async fn migrate_one(&self, service: &'static str, fleet: &Fleet) -> Result<()> {
        let dir = &self.instance.dir;
        let spec = fleet.migration(service)?;
        let log = open_log(dir, &spec.name)?;
        let mut command = spec.command(dir);
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let status = command
            .status()
            .await
            .with_context(|| format!("could not run {service}"))?;
        ensure!(
            status.success(),
            "{service} migrate: {status}; {}",
            tail(dir, &spec.name, 12)
        );
        Ok(())
    }

    async fn with_endpoints(&mut self, mut fleet: Fleet) -> Result<Fleet> {
        if let Some(sandbox) = &fleet.stripe.sandbox_url {
            let keys = &fleet.stripe.secret_keys;
            let key = keys.values().next().context("a Stripe key")?;
            let front = |number| {
                let service = "webhook-ingest";
                let url = fleet.front_of(Replica { service, number });
                url.context("webhooks have a port")
            };
            // Of two replicas each takes one of the endpoints.
            let (platform, connect) = (front(1)?, front(fleet.replicas)?);
            let stripe = crate::stripe::Stripe::new(sandbox, key)?;
            fleet.stripe.webhook_secrets =
                endpoints::ensure_both(&stripe, [&platform, &connect], &mut self.state).await?;
            self.state.save(&self.instance.dir)?;
        }
        Ok(fleet)
    }

    fn tell_services(&mut self, fleet: &Fleet, replicas: &[Replica]) -> Result<()> {
        let auditor = fleet
            .passwords
            .get(AUDITOR)
            .context("the auditor has a password")?;
        let login = Some((AUDITOR, auditor.as_str()));
        let auditor_url = database::with(&fleet.database_url, None, login)?;
        self.tell("AUDITOR_DATABASE_URL", &auditor_url);
        self.tell(
            "STRIPE_WEBHOOK_SECRET",
            &fleet.stripe.webhook_secrets.join(","),
        );
        self.tell("AUTH_HS256_SECRET", &fleet.auth_secret);
        if let Some(url) = &fleet.stripe.sandbox_url {
            self.tell_url(SANDBOX, "STRIPE_SANDBOX_URL", url);
        }
        for replica in replicas {
            self.tell_replica(fleet, *replica);
        }
        Ok(())
    }

    /// `billing` and `BILLING_URL`, `billing-2` and `BILLING_2_URL`. The gateway's own names are
    /// those of its public side.
    fn tell_replica(&mut self, fleet: &Fleet, replica: Replica) {
        let number = match replica.number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let inner = match replica.service {
            "gateway" => "gateway-internal",
            other => other,
        };
        let front = match replica.service {
            "webhook-ingest" => "webhook",
            other => other,
        };
        for (name, url) in [
            (inner, fleet.url_of(replica)),
            (front, fleet.front_of(replica)),
        ] {
            let variable = format!("{}_URL", prefix_of(&format!("{name}{number}")));
            let name = if name == "webhook" { "webhooks" } else { name };
            if let Some(url) = url {
                self.tell_url(&format!("{name}{number}"), &variable, &url);
            }
        }
    }
}

/// The key of Stripe itself, if there is one.
pub(super) fn real_stripe_key() -> Option<String> {
    variable("STRIPE_SECRET_KEY").filter(|key| !key.starts_with(SANDBOX_KEY_PREFIX))
}
