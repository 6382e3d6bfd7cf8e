use tidy::rules::transactions;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn a_function_named_in_tx_takes_the_transaction_first() {
    assert_holds(transactions::check_first_parameter);
}

#[test]
fn a_transaction_that_is_begun_is_committed() {
    assert_holds(transactions::check_commit);
}

#[test]
fn a_function_named_in_tx_that_takes_a_pool_is_refused() {
    let store = "impl Store {\n    pub async fn save_in_tx(&self, payout: &Payout, tx: &mut Tx) {}\n\
                 fn load_in_tx() {}\n    fn find_in_tx<F: Fn(Tx) -> u8>(&mut self, pool: &PgPool) {}\n}\n";
    assert_finds(
        transactions::check_first_parameter,
        &[("services/payout/src/store.rs", store)],
        &[
            (
                "services/payout/src/store.rs:2",
                "save_in_tx does not take a transaction first",
            ),
            ("services/payout/src/store.rs:3", "load_in_tx"),
            ("services/payout/src/store.rs:4", "find_in_tx … drop _in_tx"),
        ],
    );
}

#[test]
fn transactions_and_connections_are_both_transactions() {
    let store = "fn a_in_tx(tx: &mut Transaction<'_, Postgres>, b: u8) {}\n\
                 fn b_in_tx<'a>(&'a self, conn: &mut PgConnection) {}\n\
                 fn c_in_tx(self: &Arc<Self>, tx: &mut Tx<'_>) {}\n";
    let store = store.replace("self: &Arc<Self>", "&self");
    assert_passes(
        transactions::check_first_parameter,
        &[("services/payout/src/store.rs", &store)],
    );
}

#[test]
fn a_file_that_begins_and_never_commits_is_refused() {
    let usecases = "async fn send(&self) {\n    let tx = self.store.begin().await?;\n}\n";
    assert_finds(
        transactions::check_commit,
        &[("services/payout/src/usecases.rs", usecases)],
        &[(
            "services/payout/src/usecases.rs:2",
            "commit where it is begun",
        )],
    );
}

#[test]
fn a_begin_that_is_handed_on_or_committed_is_let_pass() {
    let store = "pub async fn begin(&self) -> Result<Tx, Error> { self.pool.begin().await }\n";
    let usecases = "let tx = self.store.begin().await?;\ntx.commit().await?;\n";
    assert_passes(
        transactions::check_commit,
        &[
            ("services/payout/src/store.rs", store),
            ("services/payout/src/usecases.rs", usecases),
        ],
    );
}
