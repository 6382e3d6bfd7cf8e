//! The loop that looks when it was asked to, and every quarter of an hour of business time.

use kit::{Error, Turn, Worker, async_trait};

use crate::usecases::Usecases;

pub struct Watch {
    pub usecases: Usecases,
}

#[async_trait]
impl Worker for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        self.usecases.take_turn().await
    }
}
