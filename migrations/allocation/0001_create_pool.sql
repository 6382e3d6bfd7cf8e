-- Where subscribers' money is directed: months, pools, and the facts that a seal counts.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table allocation.outbox (
    outbox_id bigint generated always as identity,
    fact_id text not null,
    subject text not null,
    occurred_at timestamptz not null,
    aggregate_id text not null,
    aggregate_version bigint not null,
    payload bytea not null,
    request_id text not null,
    recorded_wall_at timestamptz not null default now(),
    published_wall_at timestamptz,
    constraint outbox__pk primary key (outbox_id),
    constraint outbox__once unique (fact_id)
);
-- Read by state, not by cursor: identity order is not commit order.
create index outbox__waiting on allocation.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table allocation.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table allocation.dead_letter (
    dead_letter_id bigint generated always as identity,
    consumer text not null,
    fact_id text not null,
    subject text not null,
    payload bytea not null,
    reason text not null,
    recorded_wall_at timestamptz not null default now(),
    resolved_wall_at timestamptz,
    constraint dead_letter__pk primary key (dead_letter_id),
    constraint dead_letter__once unique (consumer, fact_id)
);
-- mailbox end

-- Months, `2027-01` as 202701. The earliest open one is the month that subscribers direct; later
-- open rows are there because a charge came early. Whoever stamps a month holds a shared advisory
-- lock on it before reading its row here; locking and sealing hold the exclusive one.
create table allocation.month (
    month integer not null,
    state text not null,
    locked_at timestamptz,
    sealed_at timestamptz,
    constraint month__pk primary key (month),
    constraint month__is_calendar check (month % 100 between 1 and 12),
    constraint month__state_known check (state in ('open', 'locked', 'sealed')),
    constraint month__lock_has_time check ((state = 'open') = (locked_at is null)),
    constraint month__seal_has_time check ((state = 'sealed') = (sealed_at is not null))
);

-- What was announced with a month's seal.
create table allocation.month_total (
    month integer not null,
    program text not null,
    kind text not null,
    fact_count bigint not null,
    sum_minor bigint not null,
    -- The 64 bits of the digest, read as a signed number.
    digest bigint not null,
    constraint month_total__pk primary key (month, program, kind),
    constraint month_total__month foreign key (month) references allocation.month (month)
);

-- One subscriber's money of one month in one program. US dollars: the only currency there is.
create table allocation.pool (
    subscriber_id text collate "C" not null,
    program text not null,
    month integer not null,
    funded_minor bigint not null,
    allocated_minor bigint not null,
    -- Grows by one with each change of an allocation, and with nothing else.
    version bigint not null,
    constraint pool__pk primary key (subscriber_id, program, month),
    constraint pool__allocated_within_funded check (allocated_minor between 0 and funded_minor)
) with (fillfactor = 80);

-- What each creator gets of a pool now. One that was taken back stays, with zero.
create table allocation.allocation (
    subscriber_id text collate "C" not null,
    program text not null,
    month integer not null,
    creator_id text collate "C" not null,
    amount_minor bigint not null,
    status text not null,
    updated_at timestamptz not null,
    constraint allocation__pk primary key (subscriber_id, program, month, creator_id),
    constraint allocation__amount_not_negative check (amount_minor >= 0),
    constraint allocation__status_known
        check (status in ('active', 'disputed', 'at_risk', 'refunded'))
) with (fillfactor = 80);

-- One row per change that was announced; never changed itself.
create table allocation.allocation_change (
    subscriber_id text collate "C" not null,
    creator_id text not null,
    program text not null,
    month integer not null,
    version bigint not null,
    from_minor bigint not null,
    to_minor bigint not null,
    delta_minor bigint not null,
    fact_key text not null,
    digest bigint not null,
    changed_at timestamptz not null,
    constraint allocation_change__pk primary key (subscriber_id, program, month, version),
    constraint allocation_change__not_negative check (from_minor >= 0 and to_minor >= 0),
    constraint allocation_change__moves check (delta_minor <> 0),
    constraint allocation_change__adds_up check (delta_minor = to_minor - from_minor)
);
-- A seal reads one month of all; rows come in the order of months, so a summary per block does,
-- at a fraction of what a tree costs with every change.
create index allocation_change__by_month on allocation.allocation_change using brin (month);

-- One row per settled charge; never changed itself.
create table allocation.funding (
    -- Billing's: the charge's id at Stripe.
    charge text collate "C" not null,
    subscriber_id text collate "C" not null,
    program text not null,
    -- The month that it funds, for good.
    month integer not null,
    -- Cash less tax. Zero only for a charge that was all tax; then nothing was announced.
    amount_minor bigint not null,
    digest bigint not null,
    -- Of billing's fact: the month it paid for, what was paid, and its digest. The cut is
    -- compared with these.
    period_month integer not null,
    gross_minor bigint not null,
    charge_digest bigint not null,
    attributed_at timestamptz not null,
    constraint funding__pk primary key (charge),
    constraint funding__amount_within_gross check (amount_minor between 0 and gross_minor),
    constraint funding__not_early check (month >= period_month)
);
create index funding__by_month on allocation.funding using brin (month);

-- Per month that charges paid for, what of them was applied: kept with every batch, so that the
-- comparison with the cut never counts a million rows.
create table allocation.charge_control (
    period_month integer not null,
    charge_count bigint not null,
    gross_minor bigint not null,
    -- Not wrapped here: numbers that grow need no modulus until they are read.
    digest_sum numeric not null,
    constraint charge_control__pk primary key (period_month)
);

-- Billing's cuts: every charge of the month is in the facts announced so far.
create table allocation.month_cut (
    month integer not null,
    charge_count bigint not null,
    gross_minor bigint not null,
    digest bigint not null,
    constraint month_cut__pk primary key (month)
);

-- Creators known to payout's registry.
create table allocation.creator (
    creator_id text collate "C" not null,
    version bigint not null,
    constraint creator__pk primary key (creator_id)
);

-- Billing's subscriptions, the newest version of each.
create table allocation.subscription (
    subscription_id text collate "C" not null,
    subscriber_id text collate "C" not null,
    program text not null,
    status text not null,
    version bigint not null,
    constraint subscription__pk primary key (subscription_id)
);
create index subscription__by_subscriber on allocation.subscription (subscriber_id, program);

grant usage on schema allocation to allocation_svc, auditor;
grant select, insert, update on all tables in schema allocation to allocation_svc;
-- Facts are not changed, by nobody's mistake.
revoke update on allocation.allocation_change, allocation.funding, allocation.month_total,
    allocation.month_cut from allocation_svc;
grant select on all tables in schema allocation to auditor;
