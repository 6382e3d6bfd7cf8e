-- Limits on payouts: reservations and what was refused.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table fraud_limits.outbox (
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
create index outbox__waiting on fraud_limits.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table fraud_limits.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table fraud_limits.dead_letter (
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

-- One row per payout: its share of the limits, from the moment it was allowed.
create table fraud_limits.reservation (
    payout_id text not null,
    creator_id text not null,
    amount_minor bigint not null,
    currency text not null,
    state text not null,
    reserved_at timestamptz not null,
    constraint reservation__pk primary key (payout_id),
    constraint reservation__amount_positive check (amount_minor > 0),
    constraint reservation__state_known check (state in ('reserved', 'confirmed', 'released'))
);
create index reservation__by_creator on fraud_limits.reservation (creator_id, reserved_at);

-- Attempts that a limit refused, kept for the people who look for patterns.
create table fraud_limits.blocked_attempt (
    payout_id text not null,
    creator_id text not null,
    amount_minor bigint not null,
    currency text not null,
    code text not null,
    reason text not null,
    blocked_at timestamptz not null,
    constraint blocked_attempt__once primary key (payout_id, code)
);

grant usage on schema fraud_limits to fraud_limits_svc, auditor;
grant select, insert, update on all tables in schema fraud_limits to fraud_limits_svc;
grant select on all tables in schema fraud_limits to auditor;
