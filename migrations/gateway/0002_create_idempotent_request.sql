set local lock_timeout = '5s';

-- A request may promise several effects, and callers may choose the ids of their requests: neither
-- is the key of a promise.
alter table gateway.acknowledged drop constraint acknowledged__pk;
alter table gateway.acknowledged add column acknowledged_id bigint generated always as identity;
alter table gateway.acknowledged add constraint acknowledged__pk primary key (acknowledged_id);

-- One row per Idempotency-Key of one user at one route. The insert is the claim: of two requests
-- racing, the second waits here, finds the row, and is told that the first is under way.
create table gateway.idempotent_request (
    principal text not null,
    method text not null,
    -- With its parameters' names: what they were is part of the hash.
    route text not null,
    idempotency_key text not null,
    -- SHA-256 of path, query and body.
    request_hash bytea not null,
    state text not null default 'in_flight',
    -- Counts claims: who lost a lease can neither finish nor release the next one's.
    attempt integer not null default 1,
    -- A request that was not finished by then is lost, and the next try runs again.
    leased_until_wall_at timestamptz not null,
    status smallint,
    content_type text,
    location text,
    body bytea,
    began_wall_at timestamptz not null default now(),
    constraint idempotent_request__pk primary key (principal, method, route, idempotency_key),
    constraint idempotent_request__state_known check (state in ('in_flight', 'done')),
    constraint idempotent_request__done_has_reply
        check ((state = 'done') = (status is not null and body is not null)),
    constraint idempotent_request__key_short check (length(idempotency_key) between 1 and 255)
);
create index idempotent_request__by_age on gateway.idempotent_request (began_wall_at);

grant select, insert, update, delete on gateway.idempotent_request to gateway_svc;
grant select on gateway.idempotent_request to auditor;
