//! The loop that cuts months when their time has come.

use kit::{Error, Turn, Worker, async_trait};

use crate::usecases::Usecases;

pub struct Months {
    pub usecases: Usecases,
}

#[async_trait]
impl Worker for Months {
    fn name(&self) -> &'static str {
        "months"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        self.usecases.write_tally().await?;
        self.usecases.cut_next_month().await
    }
}
