//! Every SQL statement of this service.

use sqlx::PgPool;

/// One acknowledged write.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    pub request_id: &'r str,
    pub principal: &'r str,
    pub method: &'r str,
    pub route: &'r str,
    pub effect: &'r str,
}

/// # Errors
/// The database's.
pub async fn keep(pool: &PgPool, row: Row<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into gateway.acknowledged (request_id, principal, method, route, effect)
         values ($1, $2, $3, $4, $5)",
        row.request_id,
        row.principal,
        row.method,
        row.route,
        row.effect
    )
    .execute(pool)
    .await?;
    Ok(())
}
