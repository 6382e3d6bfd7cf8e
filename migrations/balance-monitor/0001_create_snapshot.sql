-- What Stripe's balance did, what it was worth when it was looked at, and what people should
-- look at.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table balance_monitor.outbox (
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
create index outbox__waiting on balance_monitor.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table balance_monitor.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table balance_monitor.dead_letter (
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

-- Every balance transaction of the platform, once. Recorded oldest first, so that whatever is
-- older than a known one is known too; the last ones recorded are the cursor.
create table balance_monitor.balance_transaction (
    txn text not null,
    recorded_no bigint generated always as identity,
    type text not null,
    source text,
    net_minor bigint not null,
    fee_minor bigint not null,
    currency text not null,
    created timestamptz not null,
    available_on timestamptz not null,
    -- The service that accounts for it.
    owner text not null,
    constraint balance_transaction__pk primary key (txn),
    constraint balance_transaction__recorded_once unique (recorded_no),
    constraint balance_transaction__owner_known
        check (owner in ('billing', 'payout', 'balance-monitor'))
);
create index balance_transaction__newest
    on balance_monitor.balance_transaction (created desc, recorded_no desc);

-- One row. What was asked for and what of it is done: a look is work in hand while they differ.
create table balance_monitor.watch (
    watch_id integer not null,
    asked_count bigint not null,
    done_count bigint not null,
    -- Handed out to checks before they read anything: the higher, the newer what they read.
    ticket_count bigint not null,
    leased_until_wall_at timestamptz,
    constraint watch__pk primary key (watch_id),
    constraint watch__one_row check (watch_id = 1),
    constraint watch__done_was_asked check (done_count <= asked_count)
);
insert into balance_monitor.watch (watch_id, asked_count, done_count, ticket_count)
values (1, 0, 0, 0);

-- Stripe's balance beside the books, as of one check.
create table balance_monitor.snapshot (
    snapshot_id text not null,
    ticket bigint not null,
    taken_at timestamptz not null,
    currency text not null,
    -- As Stripe says.
    available_minor bigint not null,
    pending_minor bigint not null,
    -- As the books say.
    payments_minor bigint not null,
    storage_minor bigint not null,
    connected_minor bigint not null,
    in_flight_minor bigint not null,
    obligations_minor bigint not null,
    claims_minor bigint not null,
    frozen_minor bigint not null,
    deferred_minor bigint not null,
    tax_minor bigint not null,
    -- What follows.
    missing_minor bigint not null,
    difference_minor bigint not null,
    -- The last balance transaction that was known before anything was read.
    recorded_no bigint not null,
    constraint snapshot__pk primary key (snapshot_id),
    constraint snapshot__ticket_once unique (ticket),
    constraint snapshot__missing_not_negative check (missing_minor >= 0)
);

create table balance_monitor.alert (
    alert_id text not null,
    alert_no bigint generated always as identity,
    kind text not null,
    -- What it is about, among alerts of its kind; empty when there is only one such thing.
    subject text not null,
    severity text not null,
    title text not null,
    detail text not null,
    data jsonb not null,
    status text not null,
    raised_at timestamptz not null,
    resolved_at timestamptz,
    constraint alert__pk primary key (alert_id),
    constraint alert__severity_known check (severity in ('info', 'warning', 'critical')),
    constraint alert__status_known check (status in ('open', 'resolved')),
    constraint alert__resolved_at_an_instant check ((status = 'resolved') = (resolved_at is not null))
);
-- Of two checks that find the same, the second finds the first one's alert.
create unique index alert__one_open on balance_monitor.alert (kind, subject) where status = 'open';
create index alert__newest on balance_monitor.alert (raised_at desc, alert_no desc);

-- Months that earnings closed. What is said of one afterwards was true before, and is no more.
create table balance_monitor.closed_month (
    month text not null,
    constraint closed_month__pk primary key (month)
);

grant usage on schema balance_monitor to balance_monitor_svc, auditor;
grant select, insert, update on all tables in schema balance_monitor to balance_monitor_svc;
grant select on all tables in schema balance_monitor to auditor;
