//! Everything that invariant 3a weighs, in one statement and so in one snapshot.

use ledger::{Program, Rates};

use super::Store;

/// A sum over the accounts of one kind, counted from their own side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub kind: String,
    pub sum_minor: i64,
    /// The same with each account's line reduced to the share of it that creators own or could
    /// come to own, rounded as the close rounds it.
    pub share_minor: i64,
}

impl Store {
    /// Platform accounts are summed over their entries: they keep no balance, and a roll-up of
    /// them would have to know which postings were under way when it was taken. The index holds
    /// the amounts, so that this reads no entry.
    pub async fn standings(&self, rates: Rates) -> Result<Vec<Standing>, sqlx::Error> {
        let programs = Program::ALL.map(|program| program.to_string());
        let kept = Program::ALL.map(|program| bps(rates.fee(program).complement()));
        let claims = Program::ALL.map(|program| bps(rates.claim(program)));
        // A share is rounded half up: of two weights, the creator's comes first and takes the
        // unit that flooring leaves unless the platform's fraction is the larger.
        sqlx::query_as!(
            Standing,
            r#"with rate as (
                   select * from unnest($1::text[], $2::integer[], $3::integer[])
                       as rate (program, kept, claim)
               ),
               line as (
                   select a.kind, b.amount_minor as minor,
                          case a.kind
                              when 'creator_pending' then r.kept
                              when 'creator_frozen_gross' then r.kept
                              when 'subscriber_unallocated' then r.claim
                              else 10000
                          end as bps
                   from earnings.balance b
                   join earnings.account a on a.account_id = b.account_id
                   left join rate r on r.program = a.program
                   where b.amount_minor <> 0
                     and (a.kind <> 'clearing_funding' or b.amount_minor < 0)
                   union all
                   select a.kind, sum(e.amount_minor), 10000
                   from earnings.account a
                   join earnings.entry e on e.account_id = a.account_id
                   where a.kind = any($4)
                   group by a.account_id, a.kind
               )
               select kind as "kind!", sum(minor)::bigint as "sum_minor!",
                      sum(sign(minor) * div(abs(minor) * bps + 5000, 10000))::bigint
                          as "share_minor!"
               from line group by kind"#,
            &programs,
            &kept,
            &claims,
            &PLATFORM.map(|(kind, _)| kind.to_owned())
        )
        .fetch_all(&self.pool)
        .await
        .map(|standings| standings.into_iter().map(from_own_side).collect())
    }
}

/// The platform accounts that matter, and whether they grow on the debit side, as entries count.
const PLATFORM: [(&str, bool); 4] = [
    ("stripe_payments", true),
    ("stripe_storage", true),
    ("stripe_connected", true),
    ("liability_tax", false),
];

fn from_own_side(mut standing: Standing) -> Standing {
    if PLATFORM
        .iter()
        .any(|(kind, on_debit)| *kind == standing.kind && !on_debit)
    {
        standing.sum_minor = standing.sum_minor.saturating_neg();
        standing.share_minor = standing.share_minor.saturating_neg();
    }
    standing
}

fn bps(rate: money::BasisPoints) -> i32 {
    i32::try_from(rate.get()).unwrap_or(10_000)
}
