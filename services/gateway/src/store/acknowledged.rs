//! The record of what was promised: a row per effect of each acknowledged write.

use sqlx::PgConnection;

/// What one write promises.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'r> {
    pub request_id: &'r str,
    pub principal: &'r str,
    pub method: &'r str,
    pub route: &'r str,
    pub effects: &'r [String],
}

/// Keeps a promise per effect.
///
/// # Errors
/// The database's.
pub async fn keep_in_tx(tx: &mut PgConnection, promise: Promise<'_>) -> Result<(), sqlx::Error> {
    if promise.effects.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into gateway.acknowledged (request_id, principal, method, route, effect)
         select $1, $2, $3, $4, unnest($5::text[])",
        promise.request_id,
        promise.principal,
        promise.method,
        promise.route,
        promise.effects
    )
    .execute(tx)
    .await?;
    Ok(())
}
