//! Subscribers as customers of Stripe's.

use sqlx::PgConnection;

use super::Store;

impl Store {
    /// Notes that the subscriber is to have a customer; answers its id if it has one.
    pub async fn save_subscriber_in_tx(
        &self,
        tx: &mut PgConnection,
        subscriber_id: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        sqlx::query!(
            "insert into billing.customer (subscriber_id) values ($1)
             on conflict on constraint customer__pk do nothing",
            subscriber_id
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query_scalar!(
            "select customer_id from billing.customer where subscriber_id = $1",
            subscriber_id
        )
        .fetch_one(tx)
        .await
    }

    pub async fn save_customer(
        &self,
        subscriber_id: &str,
        customer_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.customer set customer_id = $2
             where subscriber_id = $1 and customer_id is null",
            subscriber_id,
            customer_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
