//! The loops: reading from Stripe, and cutting months.

use kit::{Error, Turn, Worker, async_trait};

use crate::usecases::Usecases;

pub struct Readings {
    pub usecases: Usecases,
}

#[async_trait]
impl Worker for Readings {
    fn name(&self) -> &'static str {
        "readings"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        self.usecases.read_some().await
    }
}

pub struct Months {
    pub usecases: Usecases,
}

#[async_trait]
impl Worker for Months {
    fn name(&self) -> &'static str {
        "months"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        self.usecases.cut_next_month().await
    }
}
