//! Everything that invariant 3a weighs, in one statement and so in one snapshot.

use ledger::{Program, Rates};

use super::{Store, bps, kept};

/// A sum over the accounts of one kind, counted from their own side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub kind: String,
    pub sum_minor: i64,
    /// The same with each account's line reduced to the share of it that creators own or could
    /// come to own, rounded as the close rounds it.
    pub share_minor: i64,
}

/// All standings of one snapshot, and the snapshot's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    /// As `pg_current_snapshot()` writes it.
    pub cut: String,
    pub standings: Vec<Standing>,
}

impl Store {
    /// Platform accounts are summed over their entries: they keep no balance, and a roll-up of
    /// them would have to know which postings were under way when it was taken. The index holds
    /// the amounts, so that this reads no entry.
    pub async fn standings(&self, rates: Rates) -> Result<Standings, sqlx::Error> {
        let programs = Program::ALL.map(|program| program.to_string());
        let claims = Program::ALL.map(|program| bps(rates.claim(program)));
        // A share is rounded half up: of two weights, the creator's comes first and takes the
        // unit that flooring leaves unless the platform's fraction is the larger.
        let rows = sqlx::query!(
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
               ),
               standing as (
                   select kind, sum(minor)::bigint as sum_minor,
                          sum(sign(minor) * div(abs(minor) * bps + 5000, 10000))::bigint
                              as share_minor
                   from line group by kind
               )
               select cut.snapshot::text as "cut!", s.kind as "kind?",
                      coalesce(s.sum_minor, 0) as "sum_minor!",
                      coalesce(s.share_minor, 0) as "share_minor!"
               from pg_current_snapshot() as cut (snapshot) left join standing s on true"#,
            &programs,
            &kept(rates),
            &claims,
            &PLATFORM.map(|(kind, _)| kind.to_owned())
        )
        .fetch_all(&self.pool)
        .await?;
        // Empty books have a snapshot too.
        let cut = rows.first().map(|row| row.cut.clone()).unwrap_or_default();
        let standings = rows.into_iter().filter_map(|row| {
            let (sum_minor, share_minor) = (row.sum_minor, row.share_minor);
            row.kind
                .map(|kind| from_own_side(kind, sum_minor, share_minor))
        });
        Ok(Standings {
            cut,
            standings: standings.collect(),
        })
    }
}

/// The platform accounts that matter, and whether they grow on the debit side, as entries count.
const PLATFORM: [(&str, bool); 4] = [
    ("stripe_payments", true),
    ("stripe_storage", true),
    ("stripe_connected", true),
    ("liability_tax", false),
];

fn from_own_side(kind: String, sum_minor: i64, share_minor: i64) -> Standing {
    let on_credit = PLATFORM
        .iter()
        .any(|(platform, on_debit)| *platform == kind && !on_debit);
    let sign = |minor: i64| {
        if on_credit {
            minor.saturating_neg()
        } else {
            minor
        }
    };
    Standing {
        kind,
        sum_minor: sign(sum_minor),
        share_minor: sign(share_minor),
    }
}
