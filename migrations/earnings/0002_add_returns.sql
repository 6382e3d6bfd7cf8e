-- What came back of payouts, a manifest's lines one by one, and which transaction wrote a posting.
set local lock_timeout = '5s';

-- The transaction that wrote a posting. A reading of the books names its snapshot; whoever has the
-- name adds up the same postings later, however many came since. Rows from before this migration
-- get its own transaction, which every later snapshot sees.
alter table earnings.posting add column xid xid8 not null default pg_current_xact_id();

-- Which months' money came back by a reversed transfer, of what a hold had taken from them.
create table earnings.hold_return (
    -- Stripe's.
    reversal text collate "C" not null,
    payout_id text collate "C" not null,
    month integer not null,
    program text collate "C" not null,
    amount_minor bigint not null,
    constraint hold_return__pk primary key (reversal, month, program),
    constraint hold_return__part foreign key (payout_id, month, program)
        references earnings.hold_part (payout_id, month, program),
    constraint hold_return__amount_positive check (amount_minor > 0)
);
create index hold_return__by_part on earnings.hold_return (payout_id, month, program)
    include (amount_minor);

-- The lines of a manifest's text, from its head, which is line 0; each ends with a line feed there.
create table earnings.manifest_line (
    month integer not null,
    line bigint not null,
    text text collate "C" not null,
    constraint manifest_line__pk primary key (month, line),
    constraint manifest_line__manifest foreign key (month) references earnings.manifest (month)
);
insert into earnings.manifest_line (month, line, text)
select m.month, l.line - 1, l.text
from earnings.manifest m
cross join lateral string_to_table(m.text, E'\n') with ordinality as l (text, line)
where l.text <> '';

grant select on earnings.hold_return, earnings.manifest_line to earnings_svc, auditor;
grant insert on earnings.hold_return, earnings.manifest_line to earnings_svc;
