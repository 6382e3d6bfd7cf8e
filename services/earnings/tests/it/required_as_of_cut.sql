-- What GetSolvency calls required, as of the cut that it names, from postings alone.
-- $1 the cut; $2 programs, and of each in basis points: $3 what its fee leaves a creator, $4 the
-- share of undirected money that creators could still come to own.
select coalesce(sum(sign(line.minor) * div(abs(line.minor) * line.bps + 5000, 10000)), 0)::bigint
           as "required_minor!"
from (
    select -sum(e.amount_minor) as minor,
           case a.kind
               when 'creator_pending' then r.kept
               when 'creator_frozen_gross' then r.kept
               when 'subscriber_unallocated' then r.claim
               else 10000
           end as bps
    from earnings.posting p
    join earnings.entry e on e.posting_id = p.posting_id
    join earnings.account a on a.account_id = e.account_id
    left join unnest($2::text[], $3::integer[], $4::integer[]) as r (program, kept, claim)
        on r.program = a.program
    where pg_visible_in_snapshot(p.xid, $1::text::pg_snapshot)
      and a.kind in ('creator_pending', 'creator_payable', 'creator_reserved',
                     'creator_frozen_gross', 'creator_frozen_net', 'clearing_payout',
                     'subscriber_unallocated', 'subscriber_frozen', 'tokens_deferred',
                     'liability_tax')
    group by a.account_id, a.kind, r.kept, r.claim
) as line
