-- What the gateway has promised: every write that it answered with 2xx.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table gateway.outbox (
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
create index outbox__waiting on gateway.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table gateway.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table gateway.dead_letter (
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

-- One row per acknowledged write, written before the answer leaves. `effect` is the key under
-- which another service must be able to show it; verification looks each one up.
create table gateway.acknowledged (
    request_id text not null,
    principal text not null,
    method text not null,
    route text not null,
    effect text not null,
    acknowledged_wall_at timestamptz not null default now(),
    constraint acknowledged__pk primary key (request_id),
    constraint acknowledged__effect_named check (effect <> '')
);

grant usage on schema gateway to gateway_svc, auditor;
grant select, insert, update on all tables in schema gateway to gateway_svc;
grant select on all tables in schema gateway to auditor;
