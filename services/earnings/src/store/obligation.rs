//! What is owed, by creator and in all.

use ledger::{AccountKind, Program, Rates};

use super::{Page, Store, kept};

/// What is owed to one creator, or to all. Debts are never set against it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owed {
    /// Empty in the sum.
    pub creator_id: String,
    pub pending_gross_minor: i64,
    pub pending_net_minor: i64,
    pub payable_minor: i64,
    pub reserved_minor: i64,
    pub in_transit_minor: i64,
    pub frozen_net_minor: i64,
    pub debt_minor: i64,
}

impl Owed {
    /// What invariant 3a counts.
    pub fn total_minor(&self) -> i64 {
        let parts = [
            self.pending_net_minor,
            self.payable_minor,
            self.reserved_minor,
            self.in_transit_minor,
            self.frozen_net_minor,
        ];
        parts.into_iter().fold(0, i64::saturating_add)
    }
}

/// A page of creators, and the sum over all of them.
pub struct Obligations {
    pub page: Page<Owed>,
    pub sum: Owed,
}

impl Store {
    /// One statement, and so one snapshot: every page's sum has to read all open accounts anyway.
    /// Creators to whom nothing is owed and who owe nothing are not listed. Money on its way for a
    /// payout without a hold, which only a fault makes, is nobody's: it is in the sum alone.
    pub async fn list_obligations(
        &self,
        rates: Rates,
        after_creator_id: &str,
        limit: i64,
    ) -> Result<Obligations, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"with line as (
                   select a.owner as creator_id, a.kind, b.amount_minor as minor,
                          case when a.kind in ('creator_pending', 'creator_frozen_gross')
                               then r.kept else 10000 end as bps
                   from earnings.balance b
                   join earnings.account a on a.account_id = b.account_id
                   left join unnest($1::text[], $2::integer[]) as r (program, kept)
                       on r.program = a.program
                   where b.amount_minor <> 0 and a.kind = any($3)
                   union all
                   select h.creator_id, a.kind, b.amount_minor, 10000
                   from earnings.balance b
                   join earnings.account a on a.account_id = b.account_id
                   left join earnings.hold h on h.payout_id = a.reference
                   where b.amount_minor <> 0 and a.kind = 'clearing_payout'
               ),
               share as (
                   select creator_id, kind, minor,
                          sign(minor) * div(abs(minor) * bps + 5000, 10000) as net
                   from line
               ),
               owed as (
                   select creator_id, grouping(creator_id) = 1 as is_sum,
                          sum(minor) filter (where kind = 'creator_pending') as pending_gross,
                          sum(net) filter (where kind = 'creator_pending') as pending_net,
                          sum(net) filter (where kind = 'creator_payable') as payable,
                          sum(net) filter (where kind = 'creator_reserved') as reserved,
                          sum(net) filter (where kind = 'clearing_payout') as in_transit,
                          sum(net) filter (where kind in ('creator_frozen_gross',
                                                          'creator_frozen_net')) as frozen,
                          sum(net) filter (where kind = 'creator_debt') as debt
                   from share group by grouping sets ((creator_id), ())
               ),
               page as (
                   (select * from owed where is_sum)
                   union all
                   (select * from owed where not is_sum and creator_id > $4
                    order by creator_id limit $5::bigint + 1)
               )
               select creator_id, is_sum as "is_sum!",
                      coalesce(pending_gross, 0)::bigint as "pending_gross!",
                      coalesce(pending_net, 0)::bigint as "pending_net!",
                      coalesce(payable, 0)::bigint as "payable!",
                      coalesce(reserved, 0)::bigint as "reserved!",
                      coalesce(in_transit, 0)::bigint as "in_transit!",
                      coalesce(frozen, 0)::bigint as "frozen!",
                      coalesce(debt, 0)::bigint as "debt!"
               from page order by is_sum desc, creator_id"#,
            &Program::ALL.map(|program| program.to_string()),
            &kept(rates),
            &OF_CREATORS.map(|kind| kind.as_str().to_owned()),
            after_creator_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(sorted(rows, limit))
    }
}

struct Row {
    creator_id: Option<String>,
    is_sum: bool,
    pending_gross: i64,
    pending_net: i64,
    payable: i64,
    reserved: i64,
    in_transit: i64,
    frozen: i64,
    debt: i64,
}

fn sorted(rows: Vec<Row>, limit: i64) -> Obligations {
    let (mut sum, mut owed) = (Owed::default(), Vec::new());
    for row in rows {
        let is_sum = row.is_sum;
        let line = Owed {
            creator_id: row.creator_id.unwrap_or_default(),
            pending_gross_minor: row.pending_gross,
            pending_net_minor: row.pending_net,
            payable_minor: row.payable,
            reserved_minor: row.reserved,
            in_transit_minor: row.in_transit,
            frozen_net_minor: row.frozen,
            debt_minor: row.debt,
        };
        if is_sum {
            sum = line;
        } else {
            owed.push(line);
        }
    }
    let page = Page::cut(owed, limit);
    Obligations { page, sum }
}

/// The kinds whose owner is a creator; the way to a bank is known by its payout.
const OF_CREATORS: [AccountKind; 6] = [
    AccountKind::CreatorPending,
    AccountKind::CreatorPayable,
    AccountKind::CreatorReserved,
    AccountKind::CreatorFrozenGross,
    AccountKind::CreatorFrozenNet,
    AccountKind::CreatorDebt,
];
