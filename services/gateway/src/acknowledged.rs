//! The record of what was promised: a row per acknowledged write, before the answer leaves.

use sqlx::PgPool;

use crate::auth::Principal;
use crate::problem::Problem;
use crate::store;

/// Access to the record.
#[derive(Clone)]
pub struct Acknowledged {
    pub pool: PgPool,
}

impl Acknowledged {
    /// Keeps one acknowledged write and the key of its effect. An empty effect (nothing
    /// changed) promises nothing.
    ///
    /// # Errors
    /// 503 when it cannot be kept: then the write is not acknowledged, though it may be done.
    pub async fn keep(
        &self,
        principal: &Principal,
        method: &'static str,
        route: &'static str,
        effect: &str,
    ) -> Result<(), Problem> {
        if effect.is_empty() {
            return Ok(());
        }
        let request_id = kit::context::current().request_id;
        let row = store::Row {
            request_id: &request_id,
            principal: &principal.sub,
            method,
            route,
            effect,
        };
        Ok(store::keep(&self.pool, row).await?)
    }
}
